//! Which file goes where. Everything that must not happen is found here, before a byte is written.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::args::Optimize;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::stdio::shown;
use crate::walk::{Found, Walk, means_folder, walk};

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Over the input.
    InPlace,
    /// Into this file.
    File(PathBuf),
    /// Nowhere: it is only reported.
    Nowhere,
}

/// One file and where its result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The input.
    pub path: PathBuf,
    /// Whether it was found in a folder and not named itself: then it may be something else than an image.
    pub in_folder: bool,
    /// Where its result goes.
    pub destination: Destination,
}

/// All there is to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// Files to work on.
    pub items: Vec<Item>,
    /// What could not be looked at.
    pub troubles: Vec<(PathBuf, Failure)>,
}

/// Finds the inputs and maps each to its output.
///
/// # Errors
/// Whatever the command line asks for that cannot be, as a usage error.
pub fn plan(args: &Optimize) -> anyhow::Result<Plan> {
    let mut walk = walk(&args.paths, args.recursive)?;
    let items = match &args.output {
        Some(output) => outputs(&walk, output)?,
        None => {
            drop_twins(&mut walk.files);
            let to = if args.in_place { Destination::InPlace } else { Destination::Nowhere };
            walk.files.iter().map(|f| item(f, to.clone())).collect()
        }
    };
    Ok(Plan { items, troubles: walk.troubles })
}

fn item(found: &Found, destination: Destination) -> Item {
    Item { path: found.path.clone(), in_folder: found.in_folder, destination }
}

/// A file that was named twice, or by a link too, is one file. Hard links are refused later, each by its own name.
fn drop_twins(files: &mut Vec<Found>) {
    let mut seen = HashSet::new();
    files.retain(|f| {
        let (Some(node), Ok(real)) = (f.node, fs::canonicalize(&f.path)) else { return true };
        seen.insert((node, real))
    });
}

fn outputs(walk: &Walk, output: &Path) -> anyhow::Result<Vec<Item>> {
    let usage = |text: String| Err(Exit::Usage.because(text));
    let there = fs::metadata(output).ok();
    let is_folder = there.as_ref().is_some_and(fs::Metadata::is_dir);
    if let ([one], [], false, false) = (&walk.files[..], &walk.folders[..], is_folder, means_folder(output)) {
        refuse_input(output, &nodes(walk))?;
        return Ok(vec![item(one, Destination::File(output.to_path_buf()))]);
    }
    if there.is_some() && !is_folder {
        return usage(format!("{} is a file, but several inputs need a folder", shown(output)));
    }
    let real = settle(output);
    for folder in &walk.folders {
        if fs::canonicalize(folder).is_ok_and(|f| real.starts_with(f)) {
            let (out, folder) = (shown(output), shown(folder));
            return usage(format!(
                "the output folder {out} lies in the input folder {folder}; choose one outside, or replace with -i"
            ));
        }
    }
    let mut taken: HashMap<PathBuf, &Found> = HashMap::new();
    let mut items = Vec::with_capacity(walk.files.len());
    for found in &walk.files {
        let target = output.join(&found.relative);
        match taken.get(&target) {
            Some(other) if other.node.is_some() && other.node == found.node => continue,
            Some(other) => {
                let (a, b, out) = (shown(&other.path), shown(&found.path), shown(&target));
                return usage(format!(
                    "{a} and {b} would both be written to {out}; give them separate output folders"
                ));
            }
            None => taken.insert(target.clone(), found),
        };
        items.push(item(found, Destination::File(target)));
    }
    let inputs = nodes(walk);
    for item in &items {
        if let Destination::File(target) = &item.destination {
            refuse_input(target, &inputs)?;
        }
    }
    Ok(items)
}

/// What the inputs are, behind their names.
fn nodes(walk: &Walk) -> HashSet<(u64, u64)> {
    walk.files.iter().filter_map(|f| f.node).collect()
}

/// An output that is an input would be overwritten without the care that -i takes.
fn refuse_input(target: &Path, inputs: &HashSet<(u64, u64)>) -> anyhow::Result<()> {
    let Ok(meta) = fs::metadata(target) else { return Ok(()) };
    if inputs.contains(&(meta.dev(), meta.ino())) {
        let text = format!("the output {} is an input; use -i to replace inputs", shown(target));
        return Err(Exit::Usage.because(text));
    }
    if !meta.is_file() {
        let text = format!("the output {} is there already, and it is no file", shown(target));
        return Err(Exit::Usage.because(text));
    }
    Ok(())
}

/// The absolute path of something that may not exist yet: links resolved as far as it exists.
fn settle(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut settled = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                settled.pop();
            }
            part => settled.push(part),
        }
        if let Ok(real) = fs::canonicalize(&settled) {
            settled = real;
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    /// A folder with these files; names with a slash at the end are folders.
    fn tree(names: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, name).unwrap();
            }
        }
        dir
    }

    fn args(dir: &TempDir, inputs: &[&str], output: Option<&str>) -> Optimize {
        // A joined path keeps a slash at its end.
        let paths = inputs.iter().map(|p| dir.path().join(p)).collect();
        let output = output.map(|o| dir.path().join(o));
        Optimize { paths, in_place: output.is_none(), output, recursive: true, ..Optimize::default() }
    }

    fn mapped(dir: &TempDir, inputs: &[&str], output: &str) -> Result<Vec<(String, String)>, String> {
        let plan = plan(&args(dir, inputs, Some(output))).map_err(|e| {
            assert_eq!(Exit::of(&e), Exit::Usage);
            e.to_string()
        })?;
        let under = |p: &Path| p.strip_prefix(dir.path()).unwrap().display().to_string();
        let pair = |i: Item| match i.destination {
            Destination::File(to) => (under(&i.path), under(&to)),
            other => panic!("{other:?}"),
        };
        Ok(plan.items.into_iter().map(pair).collect())
    }

    fn pairs(list: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        Ok(list.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect())
    }

    #[test]
    fn one_file_goes_to_a_file_or_into_a_folder() {
        let dir = tree(&["a.png", "there/"]);
        assert_eq!(mapped(&dir, &["a.png"], "b.png"), pairs(&[("a.png", "b.png")]));
        assert_eq!(mapped(&dir, &["a.png"], "there"), pairs(&[("a.png", "there/a.png")]));
        assert_eq!(mapped(&dir, &["a.png"], "new/"), pairs(&[("a.png", "new/a.png")]));
    }

    #[test]
    fn a_folder_keeps_its_tree() {
        let dir = tree(&["in/a.png", "in/deep/b.png", "c.png"]);
        assert_eq!(
            mapped(&dir, &["in", "c.png"], "out"),
            pairs(&[("in/a.png", "out/a.png"), ("in/deep/b.png", "out/deep/b.png"), ("c.png", "out/c.png")])
        );
    }

    #[test]
    fn two_inputs_with_one_name_are_refused_and_one_named_twice_is_one() {
        let dir = tree(&["x/a.png", "y/a.png"]);
        let error = mapped(&dir, &["x", "y"], "out").unwrap_err();
        assert!(error.contains("would both be written"), "{error}");
        assert_eq!(mapped(&dir, &["x", "x/a.png"], "out"), pairs(&[("x/a.png", "out/a.png")]));
    }

    #[test]
    fn an_output_in_the_input_is_refused_however_it_is_written() {
        let dir = tree(&["in/a.png", "other/"]);
        symlink("in", dir.path().join("link")).unwrap();
        for output in ["in", "in/out", "link/new", "other/../in/new/deep", "other/new/../../in/x/"] {
            let error = mapped(&dir, &["in"], output).unwrap_err();
            assert!(error.contains("lies in the input folder"), "{output}: {error}");
        }
        let error = mapped(&dir, &["link"], "in/out").unwrap_err();
        assert!(error.contains("lies in the input folder"), "{error}");
        mapped(&dir, &["in"], "in-other").unwrap();
    }

    #[test]
    fn an_output_that_is_an_input_is_refused() {
        let dir = tree(&["a.png", "b.png"]);
        symlink("a.png", dir.path().join("link.png")).unwrap();
        for (input, output) in [("a.png", "a.png"), ("a.png", "link.png"), ("a.png", ".")] {
            let error = mapped(&dir, &[input], output).unwrap_err();
            assert!(error.contains("use -i"), "{output}: {error}");
        }
    }

    #[test]
    fn an_output_that_is_no_file_is_refused() {
        let dir = tree(&["a.png", "b.png", "out/a.png/"]);
        let error = plan(&Optimize { output: Some("/dev/null".into()), ..args(&dir, &["a.png"], None) });
        assert!(error.unwrap_err().to_string().contains("no file"));
        assert!(mapped(&dir, &["a.png"], "out").unwrap_err().contains("no file"));
        assert!(mapped(&dir, &["a.png", "b.png"], "a.png").unwrap_err().contains("need a folder"));
    }

    #[test]
    fn in_place_a_file_named_twice_is_one() {
        let dir = tree(&["in/a.png", "in/b.png"]);
        symlink("a.png", dir.path().join("in/link.png")).unwrap();
        fs::hard_link(dir.path().join("in/b.png"), dir.path().join("in/hard.png")).unwrap();
        let plan = plan(&args(&dir, &["in", "in/a.png"], None)).unwrap();
        let names: Vec<_> = plan.items.iter().map(|i| i.path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.png", "b.png", "hard.png"]);
        assert!(plan.items.iter().all(|i| i.destination == Destination::InPlace));
    }

    #[test]
    fn names_need_not_be_utf8() {
        let dir = tree(&["in/"]);
        let name = OsString::from_vec(b"\xff\xfe.png".to_vec());
        fs::write(dir.path().join("in").join(&name), "x").unwrap();
        let plan = plan(&args(&dir, &["in"], Some("out"))).unwrap();
        assert_eq!(plan.items[0].destination, Destination::File(dir.path().join("out").join(name)));
    }
}
