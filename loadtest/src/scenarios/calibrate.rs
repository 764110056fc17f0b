//! How much these workers can do, by a short closed backlog: what rates are chosen by where nobody names them.

use crate::engine::{Crew, Measured, Media, Site, reckon, warm_up};
use crate::rig::RigError;

/// A backlog of so many seconds tells the pace within a few percent.
const SECONDS: f64 = 4.0;

/// Jobs of a calibration at least, and at most.
const JOBS: (usize, usize) = (20, 4000);

/// Files a second, after a warm-up. Of a schedule whose rate is not known yet, all files are forced: those that will be measured are
/// taken.
pub(super) async fn calibrate(site: &Site, crew: &Crew, media: &Media) -> Result<f64, RigError> {
    let warm = warm_up(site, crew, media, media.warm.len() * 2).await?;
    let guess = pace(&warm, site);
    let jobs = ((guess * SECONDS) as usize).clamp(JOBS.0, JOBS.1);
    let calibrated = warm_up(site, crew, media, jobs).await?;
    Ok(pace(&calibrated, site).max(0.1))
}

fn pace(measured: &Measured, site: &Site) -> f64 {
    let phases = reckon(measured, site.topology.levels);
    phases.first().map_or(0.0, |phase| phase.files_per_hour() / 3600.0)
}
