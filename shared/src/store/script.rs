//! Calls of the scripts that change a batch. Each gets all keys of the batch and the functions of `batch.lua`.

use redis::{Script, ScriptInvocation};

use super::keys::Keys;
use crate::job::BatchId;

/// A script in this folder that changes one batch.
macro_rules! batch_script {
    ($file:literal) => {
        std::sync::LazyLock::new(|| {
            redis::Script::new(concat!(include_str!("batch.lua"), include_str!($file)))
        })
    };
}

pub(super) use batch_script;

impl Keys {
    /// A call of a script of this batch; its arguments are still to come.
    pub(super) fn call<'a>(&self, script: &'a Script, batch: BatchId) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for key in self.of_batch(batch) {
            call.key(key);
        }
        call
    }
}
