//! What an AMQP URL says. lapin's own parser takes any IPv6 address for `localhost`, a missing host, too.

use std::net::Ipv6Addr;

use lapin::uri::AMQPUri;

/// Reads an AMQP URL. Its host (`authority.host`) is a name, an IPv4 address, or an IPv6 address without its brackets: as
/// sockets and certificates want it.
///
/// # Errors
/// What is wrong with the URL. The text holds no part of it, for it may be a password.
pub fn parse(url: &str) -> Result<AMQPUri, String> {
    // Of a URL without "//" the parser's error would repeat all of it.
    let (scheme, rest) = url.split_once("://").ok_or("it has no ://")?;
    if !["amqp", "amqps"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err("it begins neither with amqp:// nor with amqps://".to_owned());
    }
    let place = place(rest);
    if place.is_empty() || place.starts_with(':') {
        return Err("it names no host".to_owned());
    }
    // After a colon the parser repeats what it did not understand.
    let mut uri: AMQPUri = url.parse().map_err(|error: String| match error.split_once(':') {
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

/// Host and port, from what stands behind the scheme. The credentials end at the last @ before the path.
fn place(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

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
