//! `loadtest size`: what so many files an hour need, reckoned from measured runs.
//!
//! [`costs`] takes from the runs what one file costs; [`model`] says what follows for a fleet; [`queue`] simulates how long files
//! wait in it; [`text`] and [`presets`] write it down.

mod arguments;
mod costs;
mod model;
mod presets;
mod queue;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use arguments::Size;

use costs::Costs;
use model::Fleet;

use crate::report::ReportError;

/// Runs the command; the text to print.
pub(crate) fn run(arguments: &Size) -> Result<(String, bool), ReportError> {
    let costs = Costs::read(&arguments.from, &arguments.format)?;
    let Some(rate) = arguments.files_per_hour else { return Ok((text::table(&costs), true)) };
    let fleet = Fleet::of(&costs, rate, arguments.minutes * 60.0);
    let text = match arguments.env {
        true => presets::settings(&fleet),
        false => text::fleet(&fleet, &costs),
    };
    Ok((text, true))
}
