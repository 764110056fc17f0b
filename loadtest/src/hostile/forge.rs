//! Messages that no producer of ours writes. A pure function of the random numbers; it knows no broker.

use shared::job::{BatchId, JobId};

use super::pack::{binary, boolean, integer, map, nested, odd, text};
use crate::chaos::ROOT;
use crate::corpus::Random;

/// A file that is there and analysed quickly.
pub(crate) const GOOD: &str = "good.wav";

/// A link out of the root.
pub(crate) const ESCAPE: &str = "escape";

/// A named pipe: whoever opens it waits for ever.
pub(crate) const PIPE: &str = "pipe.wav";

/// What limits a message.
const MAX_MESSAGE: usize = 64 * 1024;

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Forged {
    /// What is wrong with it.
    pub(crate) what: &'static str,
    pub(crate) body: Vec<u8>,
    /// The property that names it; not always one of ours.
    pub(crate) message_id: Option<String>,
    /// The property that names its batch.
    pub(crate) correlation_id: Option<String>,
}

/// The fields of a job, encoded.
struct Fields(Vec<(&'static str, Vec<u8>)>);

impl Fields {
    fn of(job: JobId, batch: BatchId) -> Self {
        Self(vec![
            ("schema", text(b"analysis.job")),
            ("schema_version", integer(1)),
            ("job_id", binary(job.as_bytes())),
            ("batch_id", binary(batch.as_bytes())),
            ("priority", integer(1)),
            ("file", file(&text(ROOT.as_bytes()), &text(GOOD.as_bytes()))),
            ("attempt", integer(0)),
            ("force", boolean(false)),
            ("submitted_at_ms", integer(1_700_000_000_000)),
        ])
    }

    fn with(mut self, name: &str, value: Vec<u8>) -> Self {
        self.0.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| old.clone_from(&value));
        self
    }

    fn packed(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0.iter().map(|(name, value)| (text(name.as_bytes()), value.clone())).collect()
    }

    fn body(&self) -> Vec<u8> {
        map(&self.packed())
    }
}

fn file(root: &[u8], path: &[u8]) -> Vec<u8> {
    map(&[(text(b"root"), root.to_vec()), (text(b"path"), path.to_vec())])
}

/// Damage to a message of this job and batch.
type Forge = fn(&mut Random, Fields) -> Vec<u8>;

const FORGES: [(&str, Forge); 15] = [
    ("sound", |_, fields| fields.body()),
    ("noise", |random, _| noise(random, 2000)),
    ("foreign text", |random, _| random.pick(&FOREIGN).to_vec()),
    ("cut off", |random, fields| {
        let body = fields.body();
        body[..random.below(body.len())].to_vec()
    }),
    ("flipped bits", |random, fields| {
        let mut body = fields.body();
        for _ in 0..=random.below(6) {
            let place = random.below(body.len());
            body[place] ^= 1 << random.below(8);
        }
        body
    }),
    ("field of another type", |random, fields| {
        let name = fields.0[random.below(fields.0.len())].0;
        fields.with(name, odd(random)).body()
    }),
    ("field missing", |random, mut fields| {
        fields.0.remove(random.below(fields.0.len()));
        fields.body()
    }),
    ("field twice", |random, mut fields| {
        let again = fields.0[random.below(fields.0.len())].clone();
        fields.0.push(again);
        fields.body()
    }),
    ("field nobody knows", |random, fields| {
        let mut packed = fields.packed();
        let key = if random.chance(0.5) { text(b"later") } else { odd(random) };
        packed.insert(random.below(packed.len() + 1), (key, odd(random)));
        map(&packed)
    }),
    ("deep", |random, fields| {
        let mut packed = fields.packed();
        packed.insert(0, (text(b"deep"), nested(*random.pick(&[1, 14, 15, 16, 17, 100, 10_000, 60_000]))));
        map(&packed)
    }),
    ("path", |random, fields| {
        let path = path(random);
        let packed = if random.chance(0.5) { text(&path) } else { binary(&path) };
        fields.with("file", file(&text(ROOT.as_bytes()), &packed)).body()
    }),
    ("root", |random, fields| {
        let root = random.pick(&ROOTS).to_vec();
        let root = if random.chance(0.1) { vec![b'r'; random.below(60_000)] } else { root };
        fields.with("file", file(&text(&root), &text(GOOD.as_bytes()))).body()
    }),
    ("version", |random, fields| {
        let version = *random.pick(&[0, -1, 2, 3, 255, 65_535, 65_536, i64::MAX]);
        fields.with("schema_version", integer(version)).body()
    }),
    ("number at its edge", |random, fields| {
        let name = *random.pick(&["priority", "attempt", "submitted_at_ms"]);
        let number = *random.pick(&[i64::MIN, -1, 4, 200, 255, 256, 65_535, 65_536, i64::MAX]);
        fields.with(name, integer(number)).body()
    }),
    ("size", |random, fields| {
        let mut body = fields.body();
        // At the limit, just over it, and far over it.
        let size = *random.pick(&[MAX_MESSAGE, MAX_MESSAGE + 1, 2 * MAX_MESSAGE, 16 * MAX_MESSAGE]);
        body.resize(size, 0xc0);
        body
    }),
];

const FOREIGN: [&[u8]; 8] = [
    b"",
    b"{\"schema\":\"analysis.job\",\"schema_version\":1,\"file\":{\"root\":\"music\",\"path\":\"../../etc/passwd\"}}",
    b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
    b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\xff\xfea\0n\0a\0l\0y\0s\0i\0s\0",
    b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.",
    b"analysis.job",
];

const ROOTS: [&[u8]; 9] =
    [b"", b".", b"..", b"/", b"elsewhere", b"music/", b"music\0", b"\xff\xfe", b"music=/etc;music"];

const PATHS: [&[u8]; 22] = [
    b"",
    b"/etc/passwd",
    b"//etc/passwd",
    b"../etc/passwd",
    b"../../../../../../etc/passwd",
    b"a/../../etc/passwd",
    b"./good.wav",
    b"good.wav/",
    b"good.wav/x",
    b"good.wav/..",
    b".",
    b"a//b",
    b"escape",
    b"escape/passwd",
    b"escape/../good.wav",
    b"pipe.wav",
    b"folder",
    b"nul\0byte",
    b"\xff\xfe\xfd.wav",
    b"line\nbreak\r\n.wav",
    b"\xf0\x9f\x8e\xb5 \xe2\x80\xae.wav",
    b"$(reboot); `id` %s%n ' \" \\",
];

fn path(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => {
            // As long as a component, a path and a message may be, and a byte longer.
            let length = *random.pick(&[255, 256, 4095, 4096, 60_000]);
            vec![b'p'; length]
        }
        1 => noise(random, 300),
        _ => random.pick(&PATHS).to_vec(),
    }
}

fn noise(random: &mut Random, most: usize) -> Vec<u8> {
    (0..random.below(most)).map(|_| random.next() as u8).collect()
}

/// One message. Most can be traced by their properties, as any of a producer's; some say nothing, some lie.
pub(crate) fn forge(random: &mut Random, batch: BatchId) -> Forged {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&random.next().to_le_bytes());
    id[8..].copy_from_slice(&random.next().to_le_bytes());
    let job = JobId::from_hash(id);
    let (what, damage) = random.pick(&FORGES);
    let body = damage(random, Fields::of(job, batch));
    let strange = |random: &mut Random| match random.below(3) {
        0 => None,
        1 => Some("\u{1f3b5} no id".to_owned()),
        // As long as a property may be.
        _ => Some("9".repeat(255)),
    };
    let message_id = if random.chance(0.95) { Some(job.to_string()) } else { strange(random) };
    let correlation_id = if random.chance(0.95) { Some(batch.to_string()) } else { strange(random) };
    Forged { what, body, message_id, correlation_id }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use shared::job::Job;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_messages_and_every_kind_of_them() {
        let batch = BatchId::STRAY;
        let draw = |seed| {
            let mut random = Random::new(seed, "messages");
            (0..500)
                .map(|_| forge(&mut random, batch))
                .map(|forged| (forged.what, forged.body))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        let kinds: BTreeSet<&str> = draw(1).into_iter().map(|(what, _)| what).collect();
        assert_eq!(kinds.len(), FORGES.len(), "{kinds:?}");
    }

    #[test]
    fn the_sound_ones_are_jobs_and_the_damaged_ones_mostly_are_not() {
        let mut random = Random::new(3, "messages");
        let mut jobs: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for _ in 0..3000 {
            let forged = forge(&mut random, BatchId::STRAY);
            let (all, sound) = jobs.entry(forged.what).or_default();
            *all += 1;
            *sound += usize::from(Job::decode(&forged.body).is_ok());
        }
        let (all, sound) = jobs["sound"];
        assert_eq!(all, sound);
        for what in ["noise", "cut off", "foreign text"] {
            assert_eq!(jobs[what].1, 0, "{what}");
        }
    }
}
