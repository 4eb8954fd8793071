//! A plugin that sees nothing, so that what is tested is what the judge sees by itself.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Description, Error, FrameSink, ImageInfo, InfoFlags, Job, MetadataItem, Optimizer,
    Plan, SampleKind,
};

/// Says the same of every file and decodes none.
pub struct Blind;

impl Optimizer for Blind {
    fn describe(&self) -> Description {
        Description {
            id: "blind".into(),
            version: "1".into(),
            licence: "MIT OR Apache-2.0".into(),
            codecs: String::new(),
            formats: Vec::new(),
            capabilities: Vec::new(),
            costs: Vec::new(),
        }
    }
    fn inspect(&self, _: &[u8], _: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        Ok(ImageInfo {
            width: 1,
            height: 1,
            frames: 1,
            loop_count: 1,
            orientation: 1,
            color: ColorModel::Rgb,
            channels: 3,
            sample: SampleKind::U8,
            bits: 8,
            alpha: AlphaKind::None,
            source_quality: 0,
            flags: InfoFlags::default(),
        })
    }
    fn plan(&self, _: &Job<'_>) -> Result<Plan, Error> {
        Ok(Plan::default())
    }
    fn decode(&self, _: &[u8], _: &mut dyn FrameSink) -> Result<(), Error> {
        Err(Error::unsupported("blind"))
    }
    fn optimize(&self, _: &Job<'_>) -> Result<(), Error> {
        Ok(())
    }
}
