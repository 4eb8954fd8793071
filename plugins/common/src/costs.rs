//! A plugin's table of costs by mode and effort: what its descriptor tells the host and what its plans begin with.

use squeezed_plugin_api::{ColdCost, Effort};

/// Nanoseconds of CPU and peak bytes for each pixel.
pub type Rate = (u32, u32);

/// The efforts, in the order of a table's rows.
const EFFORTS: [Effort; 3] = [Effort::Fast, Effort::Balanced, Effort::Best];

/// Rates at effort fast, balanced and best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Of lossless jobs.
    pub lossless: [Rate; 3],
    /// Of lossy ones.
    pub lossy: [Rate; 3],
}

impl Table {
    /// The rate of a job.
    pub fn rate(&self, lossy: bool, effort: Effort) -> Rate {
        let [fast, balanced, best] = if lossy { self.lossy } else { self.lossless };
        match effort {
            Effort::Fast => fast,
            Effort::Balanced => balanced,
            Effort::Best => best,
        }
    }

    /// The same, for arithmetic with pixels.
    pub fn wide(&self, lossy: bool, effort: Effort) -> (u64, u64) {
        let (ns, bytes) = self.rate(lossy, effort);
        (ns.into(), bytes.into())
    }

    /// The rows for the host.
    pub fn cold(&self) -> Vec<ColdCost> {
        cold(|lossy, effort| self.rate(lossy, effort))
    }
}

/// The rows for the host, from a rate for each mode and effort.
pub fn cold(rate: impl Fn(bool, Effort) -> Rate) -> Vec<ColdCost> {
    let all = [false, true].into_iter().flat_map(|lossy| EFFORTS.map(|effort| (lossy, effort)));
    all.map(|(lossy, effort)| {
        let (ns_per_pixel, bytes_per_pixel) = rate(lossy, effort);
        ColdCost { lossy, effort, ns_per_pixel, bytes_per_pixel }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_the_plan_see_the_same_rates() {
        let table = Table { lossless: [(1, 2), (3, 4), (5, 6)], lossy: [(7, 8), (9, 10), (11, 12)] };
        let rows = table.cold();
        assert_eq!(rows.len(), 6);
        for row in rows {
            assert_eq!(table.rate(row.lossy, row.effort), (row.ns_per_pixel, row.bytes_per_pixel));
        }
        assert_eq!(table.rate(true, Effort::Balanced), (9, 10));
    }
}
