//! The help texts behind the options.

// Lines up to 79 columns are kept as they are; paragraphs are one line each, for clap to wrap.
pub(super) const OVERVIEW: &str = "\
Examples:
  export MEDIA_ROOTS=music=/srv/music
  producer enqueue /srv/music --watch
  B=$(producer enqueue /srv/music/new --priority high)
  producer watch $B
  producer results $B --format csv > results.csv

Settings come from the environment; `producer config` prints them all. Most needed:
  AMQP_URL      RabbitMQ, amqp://user:password@host:port/vhost
  REDIS_URL     Redis, redis://user:password@host:port/database
  MEDIA_ROOTS   the folders that the workers read, name=/path separated by ;

Exit codes:
    0  done, nothing failed
    1  some files failed, were cancelled or not enqueued, what was asked for is
       not there, or (status) a server is down
    2  wrong usage
   69  RabbitMQ or Redis is unavailable
   75  a queue is full (--on-full fail): try again later
   78  a setting is wrong (a password or a certificate, too), or differs from
      what the broker has
  130  interrupted";

pub(super) const ENQUEUE: &str = "\
Examples:
  producer enqueue /srv/music                       all below a folder
  producer enqueue --dry-run /srv/music | wc -l     count, without a server
  producer enqueue --priority high --watch a.flac   before others; wait for it
  producer enqueue --changed /srv/music             what is new or changed: every night
  find /srv/music -newer stamp -print0 | producer enqueue --files-from - -0
  B=$(producer enqueue --label 'new albums' /srv/music/new)

Only the batch id is written to standard output, as soon as there is one; everything else goes to standard error.

When a queue is full (QUEUE_MAX_SIZE), the producer waits until the workers have made room, and says so. It also says when no worker takes from the level of the jobs, or has their media root.

At the end the accepted jobs are counted again: those that are neither waiting, nor held by a worker, nor ended were lost at RabbitMQ, most likely by a policy (`producer topology check`), and are reported (exit 1). With RABBITMQ_API_URL the count is exact; without it, what workers may hold counts as theirs.

--changed costs a walk and no analysis: a file is left out when its size and its time of last change (to the nanosecond) are those it had when it last ended as ok, partial, not_applicable, unsupported or corrupt, and the workers' analyser is still the same. Whatever else failed, or was cancelled, is enqueued again; so is a file that was changed within 3 s of being enqueued. What is known of a file is forgotten one to two RESULT_TTL after the last run that came across it: run it more often than RESULT_TTL. Reports and batches expire after RESULT_TTL all the same: fetch them before.

Exit codes:
    0  all enqueued, or unchanged (--changed); with --watch: and none failed
    1  some were not enqueued, were lost or failed, or there was nothing to enqueue
    2  wrong usage
   69  RabbitMQ or Redis is unavailable
   75  a queue is full (--on-full fail); what was accepted stays enqueued
   78  a setting is wrong (a password or a certificate, too), or differs from
      what the broker has
  130  interrupted; what was accepted stays enqueued";

pub(super) const WATCH: &str = "\
Examples:
  producer watch last
  producer watch 01890a5d-ac96
  producer enqueue /srv/music --watch

On a terminal one line shows the progress; elsewhere a line is written every few seconds. Watching changes nothing: stop it and start it again whenever you like. When no worker takes from the level of the jobs, or has their media root, a line says so; and when jobs wait for a retry, another says why.

A batch that will not come to its end by itself is told of: no message waits in the queues, and neither a worker nor a producer has given a sign of life of it for a minute. So is the end of a batch that another program published, of which nobody has counted the jobs.

Exit codes:
    0  every file is analysed
    1  some files failed or were cancelled, there is no such batch, or it will not
       come to its end by itself
   69  Redis is unavailable at the start; later it is waited for
  130  interrupted; the work goes on";

pub(super) const RESULTS: &str = "\
Examples:
  producer results last
  producer results last --failed
  producer results $B --format csv > results.csv
  producer results $B | jq -r 'select(.outcome == \"ok\") | .path'
  producer results $B --limit 1000      the next 1000: see standard error
  producer results $B --without waveform,spectral > small.ndjson

The columns of the table:
  OUTCOME   ok: analysed whole. partial: some of it could not be decoded.
            not_applicable: silence, or too short. failed, cancelled: no
            report; the reason stands behind it
  FORMAT    the codec
  LENGTH    of what was decoded, minutes:seconds
  BPM  %    beats per minute, and the chance in percent that they are right
  KEY  %    the key as musicians and as DJs write it (Am 8A, of the Camelot
            wheel), and the chance that it is right. Below 50 % a value is dim
  LUFS      integrated loudness (EBU R 128)
  PEAK      true peak, dBTP
  TITLE / REASON   title and artist of the tags; what is wrong with the file

A terminal that is too narrow for all of them shows the first ones; what goes to a pipe is whole. NO_COLOR=1 leaves the colours out.

The records come in the order in which the files were finished, a table's in the order of the folders for every 500 files. They can be read while the batch still runs.

Exit codes:
    0  printed, also when the reader closed the pipe early
    1  there is no such batch
   69  Redis is unavailable";

pub(super) const FAILURES: &str = "\
Examples:
  producer failures                     over all batches, the newest batch first
  producer failures last --kind timeout --kind crash
  producer failures --format csv > failures.csv
  producer failures --kind not_found | jq -r .path
  producer failures --limit 100         the next 100: see standard error

Kinds are those of the records: corrupt, not_found, timeout … (a wrong one lists them all). The fields have the names of a record's; `retryable` is false for what never was a job.

Exit codes:
    0  printed, also when there are none
    1  there is no such batch
   69  Redis is unavailable";

pub(super) const RETRY: &str = "\
Examples:
  producer retry last
  producer retry last --kind root_unavailable --kind io --watch
  producer retry --kind out_of_memory              in all batches
  producer retry --job 01890a5d-ac96-774b-bcce-b302099a8057
  producer retry $B --cancelled                    what was cancelled, too
  producer retry $B --lost                         all that has no end, too

Each job is published again as it was submitted, with no attempts behind it. Its failure is taken back first, so the batch is unfinished again until the job ends anew, and each job counts once. A job that the broker does not take has its failure back. If the command is killed, run it again: it publishes what was left in between.

A job whose message is lost (a queue was purged by hand, or RabbitMQ has lost its data) never ends. `producer retry BATCH` publishes such jobs again when no message waits in the queues and neither a worker nor a producer has given a sign of life of the batch for a minute. --lost does not wait for that: a job that still waits or runs is then published twice, and ends once.

Only the exit code and standard error tell how it went; nothing is written to standard output.

Exit codes:
    0  all published again; with --watch: and none failed
    1  some were not, or there was nothing to retry
    2  wrong usage
   69  RabbitMQ or Redis is unavailable
   75  a queue is full (--on-full fail); what was accepted stays in the queue
   78  a setting is wrong, or differs from what the broker has
  130  interrupted; what was accepted stays in the queue";

pub(super) const CANCEL: &str = "\
Examples:
  producer cancel last
  producer cancel $B --now --watch

What has not started ends as cancelled at once; its message is dropped by the worker that comes to it, without reading the file. Jobs that are not known by name (an older version or another program published them) end when a worker comes to them. --now also ends what runs, what no worker has ended within 5 s, and closes the batch without the jobs that are not known by name: no message that is lost keeps it open. A batch that its producer never closed, because it was killed, is closed. `producer retry BATCH --cancelled` takes it all up again.

Exit codes:
    0  cancelled; with --watch: and every job has its end
    1  the batch was complete already, or there is no such batch
    2  wrong usage
   69  Redis is unavailable
  130  interrupted while watching; the batch stays cancelled";

pub(super) const PURGE: &str = "\
Examples:
  producer purge                        asks first
  producer purge --yes --level low
  producer purge --yes --retries --dead

Without --level, --retries and --dead the queues of all levels are purged; with any of them exactly what they name. Each job ends as cancelled, stored before its message goes, so that its batch comes to its end; `producer retry BATCH --cancelled` takes it up again. Messages that workers hold already are not purged: `producer cancel` reaches those.

Exit codes:
    0  purged, or nothing was there
    1  you did not say yes
    2  wrong usage; also without --yes where nobody can be asked
   69  RabbitMQ or Redis is unavailable; what was not stored is still in its queue
   78  a setting is wrong, or differs from what the broker has
  130  interrupted";

pub(super) const BATCHES: &str = "\
Examples:
  producer batches
  producer batches --limit 3
  producer batches --json | jq -r '.[] | select(.sealed | not) | .batch_id'
  producer batches --ids --limit 1      the newest alone";

pub(super) const STATUS: &str = "\
Examples:
  producer status
  producer status --json | jq '.queues[] | {queue, ready}'
  producer status --json | jq '.workers[] | {name, levels, roots}'

Workers are listed that have announced themselves in Redis within the last minute.

How long the oldest message has waited is not shown: RabbitMQ does not tell it without taking the message out. The age of the oldest unfinished batch is shown instead.

Exit codes:
    0  both servers answer
    1  one of them does not";

pub(super) const CONFIG: &str = "\
Examples:
  producer config
  producer config --json | jq -r '.[] | select(.source != \"default\") | .name'

Passwords are masked. Exit code 78 when settings are wrong; all of them are named at once.";

pub(super) const EXPORT: &str = "\
Examples:
  producer export last --format csv --output results.csv
  producer export $B --format m3u --output new.m3u8
  producer export $B --format ndjson | jq -r .path

A whole batch as a document: every file is in it once, or nothing is written. `producer results` prints what there is so far, in pages and by outcome.

A batch that is not complete is refused (exit 1), unless --partial takes what has ended. --output is made beside its name and then put in its place: what was there before stays until the new one is whole.

csv and m3u are in the order of the folders, up to 100,000 files; all else is in the order in which the files ended. csv is UTF-8: in Excel, open it by Data, From Text/CSV.

m3u is an extended playlist in UTF-8, for which .m3u8 is the usual name: the files that ended as ok or partial, with their length, artist and title. A path is that of this machine (MEDIA_ROOTS); files of a root that is not configured here, and names with a line break, are left out and counted on standard error.

Exit codes:
    0  written, and no file was left out
    1  the batch is not complete, there is none, or files were left out of the playlist
    2  wrong usage
   69  Redis is unavailable
   78  a setting is wrong; m3u without MEDIA_ROOTS";

pub(super) const TOPOLOGY: &str = "\
Examples:
  producer topology check               changes nothing
  producer topology check --json | jq '.[] | select(.state != \"ok\")'
  QUEUE_MAX_SIZE=50000 producer topology check
  producer topology apply               makes what is missing

Workers and `producer enqueue` make what is missing by themselves, and refuse to start on what differs (exit 78). This tells beforehand: after a change of QUEUE_MAX_SIZE, QUEUE_PRIORITY_LEVELS, RETRY_DELAYS or QUEUE_PREFIX, and before an upgrade.

Policies that an operator has set at the broker can lose jobs, whatever a queue was declared with: with RABBITMQ_API_URL (RabbitMQ's HTTP API) each that can is named (exit 78); without it they are not checked, which check says.

Bindings cannot be asked for by AMQP: check leaves them out, apply sets them all, which changes nothing where they are. Nor can queues of earlier settings be found, such as a tier that RETRY_DELAYS had before: `rabbitmqctl list_queues name messages` has them; delete one when it is empty.

Exit codes:
    0  all is as wanted
    1  something is missing (check)
   69  RabbitMQ, or the API in RABBITMQ_API_URL, is unavailable
   78  something differs, or a policy can lose jobs: each with its remedy; or a setting is wrong";

pub(super) const COMPLETIONS: &str = "\
Examples:
  producer completions bash > /etc/bash_completion.d/producer
  producer completions zsh > ~/.zfunc/_producer        with ~/.zfunc in fpath
  producer completions fish > ~/.config/fish/completions/producer.fish";

pub(super) const MAN: &str = "\
Examples:
  producer man /usr/local/share/man/man1 && man producer-enqueue";
