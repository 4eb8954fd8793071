//! Sequences: the track of pictures, the one of its alpha, and each canvas of both. Knows tracks, not items.

use std::ops::Range;

use squeezed_isobmff::{File, Movie};
use squeezed_plugin_api::{Error, Limits};

use crate::codec::{Decoder, Picture};
use crate::render::Meaning;
use crate::still::Sheet;
use crate::track::{self, Track};

/// The tracks that make a sequence.
pub struct Sequence {
    /// Pictures.
    pub colour: Track,
    /// Their alpha, and whether colour was multiplied by it.
    pub alpha: Option<(Track, bool)>,
    /// How often it plays; 0 for ever.
    pub loop_count: u32,
}

const ALPHA: &[u8] = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";

/// Receives a canvas: colour, alpha, duration.
type Canvas<'s> = dyn FnMut(&Sheet, Option<(&Sheet, bool)>, (u32, u32)) -> Result<(), Error> + 's;

impl Sequence {
    /// The sequence of a file, if it has one.
    ///
    /// # Errors
    /// `BadImage` where its tables are broken.
    pub fn find(file: &File<'_>) -> Result<Option<Self>, Error> {
        let Some(movie) = &file.movie else { return Ok(None) };
        let loop_count = Movie::read(movie)?.loops();
        let mut tracks = track::tracks(movie, file.input.len())?;
        let main =
            tracks.iter().position(|t| matches!(&t.handler, b"pict" | b"vide") && t.auxiliary_to.is_empty());
        let Some(main) = main else { return Ok(None) };
        let colour = tracks.swap_remove(main);
        if colour.samples.is_empty() || colour.size.0 == 0 || colour.size.1 == 0 {
            return Err(Error::bad_image("a sequence has no pictures"));
        }
        let alpha = tracks.into_iter().find(|t| t.auxiliary_to.contains(&colour.id) && t.purpose == ALPHA);
        let premultiplied = alpha.as_ref().is_some_and(|a| colour.premultiplied_by.contains(&a.id));
        Ok(Some(Self { colour, alpha: alpha.map(|a| (a, premultiplied)), loop_count }))
    }

    /// Where the samples of colour and alpha lie in the file.
    pub fn samples(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let alpha = self.alpha.iter().flat_map(|(track, _)| &track.samples);
        self.colour.samples.iter().chain(alpha).map(|s| s.0.clone())
    }

    /// Decodes each canvas.
    ///
    /// # Errors
    /// `BadImage` where anything is missing or wrong, `TooLarge` beyond the limits, and what `show` answers.
    pub fn decode(&self, file: &File<'_>, limits: &Limits, show: &mut Canvas<'_>) -> Result<(), Error> {
        let mut colours = Decoder::open(0, false, limits.pixels)?;
        let mut alphas = Decoder::open(0, false, limits.pixels)?;
        let scale = self.colour.timescale.max(1);
        for (i, (range, duration)) in self.colour.samples.iter().enumerate() {
            let sheet = decoded(&mut colours, file, range.clone())?;
            let alpha = match &self.alpha {
                Some((track, premultiplied)) => {
                    let sample =
                        track.samples.get(i).ok_or_else(|| Error::bad_image("a frame has no alpha"))?;
                    Some((decoded(&mut alphas, file, sample.0.clone())?, *premultiplied))
                }
                None => None,
            };
            show(&sheet, alpha.as_ref().map(|(a, p)| (a, *p)), (*duration, scale))?;
        }
        Ok(())
    }
}

fn decoded(decoder: &mut Decoder, file: &File<'_>, range: Range<usize>) -> Result<Sheet, Error> {
    let bytes = file.input.get(range).ok_or_else(|| Error::bad_image("a frame lies outside of the file"))?;
    let picture: Picture = decoder.decode(bytes)?;
    let meaning = Meaning {
        matrix: picture.color.matrix.into(),
        primaries: picture.color.primaries.into(),
        full_range: picture.color.full_range,
    };
    Ok(Sheet { width: picture.width, height: picture.height, columns: 1, tiles: vec![picture], meaning })
}
