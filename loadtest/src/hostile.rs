//! `loadtest hostile`: input that nobody wrote with good intent. Ten thousand damaged files through the lanes of a real
//! worker, ten thousand forged messages through a real broker: each must end in one record, and the worker must live on.

mod arguments;
mod bombs;
mod deliver;
mod files;
mod forge;
mod mutate;
mod pack;

pub(crate) use arguments::Hostile;

use crate::rig::{self, RigError};
use arguments::Kind;

/// Runs the command; the text to print, and whether everything ended as it must.
pub(crate) fn run(arguments: &Hostile) -> Result<(String, bool), RigError> {
    match &arguments.kind {
        Kind::Files(arguments) => rig::hold(files::hold(arguments)),
        Kind::Messages(arguments) => rig::hold(deliver::hold(arguments)),
    }
}
