//! The README shows the example that compiles.

#[test]
fn the_readme_has_the_example() {
    let readme = include_str!("../../../README.md");
    let example = include_str!("../examples/optimize.rs");
    let code = example.split_once("\n\n").map(|(_, code)| code).unwrap();
    assert!(readme.contains(code), "README.md should have:\n{code}");
}
