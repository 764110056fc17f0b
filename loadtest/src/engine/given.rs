//! Servers that somebody else runs: whether they may be used, and how they are reached.

use shared::settings::ProducerSettings;
use shared::tls::Tls;

use super::Common;
use crate::rig::RigError;

/// Servers named by AMQP_URL and REDIS_URL.
#[derive(Debug)]
pub(crate) struct Given {
    /// Everything a producer would read from this environment.
    pub(crate) settings: ProducerSettings,
    pub(crate) tls: Tls,
}

/// Those of this environment; `None` where it names none.
pub(crate) fn servers(common: &Common) -> Result<Option<Given>, RigError> {
    let set = |name: &str| {
        [name.to_owned(), format!("{name}_FILE")]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty()))
    };
    match (set("AMQP_URL"), set("REDIS_URL")) {
        (false, false) if common.no_workers || common.cluster => Err(refused(
            "--cluster and --no-workers are for servers that run already: set AMQP_URL and REDIS_URL",
        )),
        (false, false) => Ok(None),
        (true, true) => given(common).map(Some),
        _ => Err(refused("AMQP_URL and REDIS_URL belong together: set both, or none for private servers")),
    }
}

fn given(common: &Common) -> Result<Given, RigError> {
    let (settings, _) = ProducerSettings::from_env().map_err(|errors| refused(&errors.to_string()))?;
    let urls = [settings.queue.amqp_url.expose(), settings.store.redis_url.expose()];
    let away = urls.iter().flat_map(|url| hosts(url)).find(|host| !is_loopback(host));
    if let Some(host) = away.filter(|_| !common.cluster) {
        return Err(refused(&format!(
            "{host} is not this machine. With --cluster it is used all the same: queues named loadtest-… are made there, filled and \
             deleted again (with --no-workers: the fleet's own queues are filled), and results stay in Redis for three days"
        )));
    }
    let tls = Tls::load(&settings.tls).map_err(|error| refused(&error.to_string()))?;
    Ok(Given { settings, tls })
}

fn refused(why: &str) -> RigError {
    RigError::Refused(why.to_owned())
}

/// The hosts of a URL, which may be several for a cluster.
fn hosts(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let named = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let host = |place: &str| match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address.to_owned(),
        None => place.split(':').next().unwrap_or(place).to_owned(),
    };
    named.split(',').map(host).collect()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_every_form_of_a_url() {
        for (url, expected) in [
            ("amqp://u:p%40@rabbit:5672/%2f", vec!["rabbit"]),
            ("redis://127.0.0.1:6379/0", vec!["127.0.0.1"]),
            ("redis-cluster://u:p@a:1,b:2/", vec!["a", "b"]),
            ("rediss://[::1]:7/", vec!["::1"]),
        ] {
            assert_eq!(hosts(url), expected, "{url}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(["localhost", "127.0.0.1", "127.3.4.5", "::1"].iter().all(|host| is_loopback(host)));
        assert!(["rabbit", "10.0.0.1", "localhost.example.org", ""].iter().all(|host| !is_loopback(host)));
    }
}
