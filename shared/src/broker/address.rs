//! What an AMQP URL says. lapin's own parser takes any IPv6 address for `localhost`, a missing host, too; and it knows one
//! host only, where a URL of ours may name several nodes of a cluster: `amqp://user:password@a:5672,b:5672/vhost`.

use std::net::Ipv6Addr;

use lapin::uri::AMQPUri;

/// What helps who has written a whole URL for each node.
const ONE_LOGIN: &str = "several nodes of a cluster stand behind one user and password, separated by commas: \
                         amqp://user:password@a:5672,b:5672/vhost";

/// Reads an AMQP URL: one for each node that it names, in its order. The host of each (`authority.host`) is a name, an IPv4
/// address, or an IPv6 address without its brackets: as sockets and certificates want it.
///
/// # Errors
/// What is wrong with the URL. The text holds no part of it, for it may be a password.
pub fn parse_nodes(url: &str) -> Result<Vec<AMQPUri>, String> {
    // Of a URL without "//" the parser's error would repeat all of it.
    let (scheme, rest) = url.split_once("://").ok_or("it has no ://")?;
    if !["amqp", "amqps"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err("it begins neither with amqp:// nor with amqps://".to_owned());
    }
    if rest.contains("://") {
        return Err(ONE_LOGIN.to_owned());
    }
    let authority = authority(rest);
    let (login, places) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
    let path = &rest[authority.len()..];
    places.split(',').map(|place| parse_node(place.trim(), &format!("{scheme}://{login}"), path)).collect()
}

/// Reads the virtual host of an AMQP URL.
///
/// # Errors
/// As [`parse_nodes`].
pub fn parse_vhost(url: &str) -> Result<String, String> {
    Ok(parse_nodes(url)?.swap_remove(0).vhost)
}

fn parse_node(place: &str, before: &str, path: &str) -> Result<AMQPUri, String> {
    if place.is_empty() || place.starts_with(':') {
        return Err("it names no host".to_owned());
    }
    // After a colon the parser repeats what it did not understand.
    let mut uri: AMQPUri =
        format!("{before}{place}{path}").parse().map_err(|error: String| match error.split_once(':') {
            Some((what, _)) => what.to_owned(),
            None => error,
        })?;
    if uri.vhost.is_empty() {
        return Err("its vhost is empty (the default vhost is %2f)".to_owned());
    }
    if let Some(literal) = place.strip_prefix('[') {
        let address = literal.split(']').next().and_then(|address| address.parse::<Ipv6Addr>().ok());
        let address = address.ok_or("what stands in brackets is no IPv6 address without a zone")?;
        uri.authority.host = address.to_string();
    }
    Ok(uri)
}

/// User, password and hosts, from what stands behind the scheme. The credentials end at the last @ before the path.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<AMQPUri, String> {
        parse_nodes(url).map(|mut nodes| nodes.swap_remove(0))
    }

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes() {
        let nodes = parse_nodes("amqps://me:se%2Ccret@a:1,b, [::1]:3/music?heartbeat=10").unwrap();
        let places: Vec<_> =
            nodes.iter().map(|uri| (uri.authority.host.as_str(), uri.authority.port)).collect();
        assert_eq!(places, [("a", 1), ("b", 5671), ("::1", 3)]);
        for uri in &nodes {
            assert_eq!((uri.vhost.as_str(), uri.query.heartbeat), ("music", Some(10)));
            assert_eq!(uri.authority.userinfo.password, "se,cret");
        }
        assert_eq!(parse_vhost("amqp://a,b/%2f").unwrap(), "/");
        for wrong in ["amqp://a,/v", "amqp://u:p@,b/v", "amqp://u:p@a,:1/v"] {
            assert_eq!(parse_nodes(wrong).unwrap_err(), "it names no host", "{wrong}");
        }
        let error = parse_nodes("amqp://u:hunter2@a/v,amqp://u:hunter2@b/v").unwrap_err();
        assert!(error.contains("behind one user and password") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn hosts_are_names_and_addresses_of_both_kinds() {
        let cases = [
            ("amqp://guest:guest@[::1]:5673/%2f", "::1", 5673),
            ("amqp://[::1]", "::1", 5672),
            ("amqps://u:p%40ss@[2001:DB8:0:0::7]/v", "2001:db8::7", 5671),
            ("amqp://[::ffff:192.0.2.1]/v", "::ffff:192.0.2.1", 5672),
            ("amqp://127.0.0.1:1/v?heartbeat=10", "127.0.0.1", 1),
            ("amqp://rabbit.example", "rabbit.example", 5672),
        ];
        for (url, host, port) in cases {
            let uri = parse(url).unwrap();
            assert_eq!((uri.authority.host.as_str(), uri.authority.port), (host, port), "{url}");
        }
        assert_eq!(parse("amqp://me:secret@[::1]/%2f").unwrap().authority.userinfo.password, "secret");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        let cases = [
            "hunter2",
            "hunter2://h",
            "amqp:hunter2",
            "amqp://",
            "amqp:///v",
            "amqp://u:hunter2@/v",
            "amqp://u:hunter2@:5672/v",
            "amqp://u:hunter2@h/",
            "amqp://u:hunter2@[::1",
            "amqp://u:hunter2@[hunter2]/v",
            "amqp://u:hunter2@[fe80::1%25eth0]/v",
            "amqp://u:hunter2@[127.0.0.1]/v",
            "amqp://u:hunter2@h:hunter2/v",
            "amqp://u:%FFhunter2@h/v",
            "amqp://h/v?heartbeat=hunter2",
            "amqp://h/v?auth_mechanism=hunter2",
        ];
        for url in cases {
            let error = parse(url).unwrap_err();
            assert!(!error.is_empty() && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
