//! `--changed`: leaves out what is as it was when it last ended. It asks Redis for many files at a time, while the walk goes
//! on.

use std::time::Duration;

use shared::job::{FileRef, Seen};
use shared::store::{Store, StoreError};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::feed::Item;
use crate::screen::Screen;

/// Asked for in one round trip: it then costs a fraction of their walk. What came meanwhile is the next question, so a slow
/// walk is not waited for.
const TOGETHER: usize = 512;

/// Between two questions to a Redis that is away.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Hands on what has changed, and everything that is no file.
pub(super) async fn only(
    found: Receiver<Item>,
    store: &Store,
    screen: &Screen,
) -> Result<Receiver<Item>, StoreError> {
    let Some(analyser) = store.analyser().await? else {
        screen.line("no worker has said yet which analyser it is: every file counts as changed");
        return Ok(found);
    };
    let (sender, changed) = channel(TOGETHER);
    let comparison = Comparison { store: store.clone(), analyser, screen: screen.clone(), sender };
    tokio::spawn(comparison.run(found));
    Ok(changed)
}

struct Comparison {
    store: Store,
    analyser: String,
    screen: Screen,
    sender: Sender<Item>,
}

impl Comparison {
    /// Until the walk is over or nobody wants more.
    async fn run(self, mut found: Receiver<Item>) {
        let mut items = Vec::with_capacity(TOGETHER);
        while found.recv_many(&mut items, TOGETHER).await > 0 {
            let Some(mut unchanged) = self.ask(&items).await.map(Vec::into_iter) else { return };
            let mut left_out = 0;
            for item in items.drain(..) {
                if matches!(item, Item::File(..)) && unchanged.next() == Some(true) {
                    left_out += 1;
                } else if self.sender.send(item).await.is_err() {
                    return;
                }
            }
            if left_out > 0 && self.sender.send(Item::Unchanged(left_out)).await.is_err() {
                return;
            }
        }
    }

    /// Whether each file among these is unchanged. Waits for a Redis that is away: to enqueue a million files instead is what
    /// nobody wants. `None` when nobody waits for the answer any more.
    async fn ask(&self, items: &[Item]) -> Option<Vec<bool>> {
        let files: Vec<(&FileRef, Seen)> = items
            .iter()
            .filter_map(|item| match item {
                Item::File(file, seen) => Some((file, *seen)),
                _ => None,
            })
            .collect();
        let mut told = false;
        loop {
            let error = match self.store.unchanged(&files, &self.analyser).await {
                Ok(unchanged) => return Some(unchanged),
                Err(error) => error,
            };
            if !std::mem::replace(&mut told, true) {
                self.screen.line(&format!("{error}; waiting to compare"));
            }
            tokio::select! {
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = self.sender.closed() => return None,
            }
        }
    }
}
