//! The packets of one run as a pcapng capture, for Wireshark and its relatives
//! (draft-ietf-opsawg-pcapng-04).
//!
//! Each packet stands there once, as it left its host: what a link then made of it is its comment.
//! There is an interface for each link, and a name for each host. Packets are raw IP. Times are
//! virtual, with the resolution of the runs, 1 ms, and count from [`EPOCH`]. The same run gives the
//! same bytes.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use indexmap::IndexSet;

use crate::{
    plan::EPOCH,
    trace::{Event, Fact, Fate, Flags, Name, Packet, Trace},
};

/// Types of blocks (4.1, 4.2, 4.3, 4.5).
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const NAMES: u32 = 4;

/// Written in the section's own order of bytes, which is little-endian here (4.1).
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// `LINKTYPE_RAW`: packets begin with the header of IPv4 or IPv6.
const RAW_IP: u16 = 101;

/// Codes of options: any block's, then those of the section (4.1) and of interfaces (4.2).
const COMMENT: u16 = 1;
const APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;

/// Powers of ten below the second: milliseconds, as finely as a run tells the time.
const MILLISECONDS: u8 = 3;

/// Where a run's capture stands below the folder that was asked for: where its scenario stands below
/// `scenarios`. What a file system may not like in a name is written as `%` and its code.
pub fn file_name(id: &str) -> String {
    let parts = id.split('/').enumerate().filter(|(at, part)| *at > 0 || !part.is_empty());
    let parts: Vec<String> = parts.map(|(_, part)| part_of_a_path(part)).collect();
    parts.join("/") + ".pcapng"
}

fn part_of_a_path(text: &str) -> String {
    let written = |(at, byte): (usize, u8)| match byte {
        b'.' if at == 0 => "%2e".to_owned(),
        b'-' | b'_' | b'.' | b'+' | b'=' | b',' | b'[' | b']' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().enumerate().map(written).collect()
}

/// Writes all packets of a trace. `about` says what was run; it is the comment of the whole.
///
/// # Errors
/// Those of the writer; also a packet that is longer than IP can tell.
pub fn write(trace: &Trace, about: &str, out: &mut dyn io::Write) -> io::Result<()> {
    section(about).write(SECTION, out)?;
    let links: IndexSet<&Name> = packets(trace).map(|(_, packet)| &packet.link).collect();
    for link in &links {
        interface(link).write(INTERFACE, out)?;
    }
    names(trace).write(NAMES, out)?;
    for (event, packet) in packets(trace) {
        let interface = links.get_index_of(&packet.link).unwrap_or_default();
        let interface = u32::try_from(interface).map_err(io::Error::other)?;
        enhanced(event, packet, interface)?.write(PACKET, out)?;
    }
    Ok(())
}

fn packets(trace: &Trace) -> impl Iterator<Item = (&Event, &Packet)> {
    trace.events.iter().filter_map(|event| {
        if let Fact::Packet(packet) = &event.fact { Some((event, packet)) } else { None }
    })
}

/// What stands between the two lengths of a block. All numbers are little-endian.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u16(mut self, number: u16) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Bytes, and zeros up to a multiple of four (3.5).
    fn padded(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// An option, or a record of names: they have the same shape. What is too long is cut.
    fn option(self, code: u16, value: &[u8]) -> Self {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.u16(code).u16(len).padded(value)
    }

    /// `opt_endofopt`, which is also `nrb_record_end`.
    fn end(self) -> Self {
        self.u32(0)
    }

    fn write(&self, kind: u32, out: &mut dyn io::Write) -> io::Result<()> {
        let len = u32::try_from(self.0.len() + 12).map_err(io::Error::other)?;
        out.write_all(&kind.to_le_bytes())?;
        out.write_all(&len.to_le_bytes())?;
        out.write_all(&self.0)?;
        out.write_all(&len.to_le_bytes())
    }
}

fn section(about: &str) -> Body {
    let version = (1, 0);
    let comment =
        format!("{about}; virtual time, resolution 1 ms; each packet as it left its host");
    let length_unknown = u32::MAX;
    Body::default()
        .u32(BYTE_ORDER)
        .u16(version.0)
        .u16(version.1)
        .u32(length_unknown)
        .u32(length_unknown)
        .option(COMMENT, comment.as_bytes())
        .option(APPLICATION, b"whitewater")
        .end()
}

fn interface(link: &str) -> Body {
    let (reserved, no_limit) = (0, 0);
    Body::default()
        .u16(RAW_IP)
        .u16(reserved)
        .u32(no_limit)
        .option(INTERFACE_NAME, link.as_bytes())
        .option(RESOLUTION, &[MILLISECONDS])
        .option(OFFSET, &EPOCH.as_secs().to_le_bytes())
        .end()
}

/// Every host is named by what was sent to it, and one that nothing was sent to by what it sent:
/// a link may send in the name of a host.
fn names(trace: &Trace) -> Body {
    let mut names: BTreeMap<IpAddr, &Name> =
        packets(trace).map(|(_, packet)| (packet.addresses.1.ip(), &packet.to)).collect();
    for (event, packet) in packets(trace) {
        names.entry(packet.addresses.0.ip()).or_insert(&event.actor);
    }
    let record = |body: Body, (address, name): (IpAddr, &Name)| {
        let (code, mut value) = match address {
            IpAddr::V4(address) => (1, address.octets().to_vec()),
            IpAddr::V6(address) => (2, address.octets().to_vec()),
        };
        value.extend_from_slice(name.as_bytes());
        value.push(0);
        body.option(code, &value)
    };
    names.into_iter().fold(Body::default(), record).end()
}

fn enhanced(event: &Event, packet: &Packet, interface: u32) -> io::Result<Body> {
    let bytes = ip(packet)?;
    let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let at = u64::try_from(event.at.as_millis()).map_err(io::Error::other)?;
    let [a, b, c, d, low @ ..] = at.to_be_bytes();
    let (high, low) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(low));
    let body = Body::default().u32(interface).u32(high).u32(low).u32(len).u32(len).padded(&bytes);
    Ok(match comment(event, packet) {
        Some(comment) => body.option(COMMENT, comment.as_bytes()).end(),
        None => body,
    })
}

/// What cannot be seen in the packet itself.
fn comment(event: &Event, packet: &Packet) -> Option<String> {
    let fate = match packet.fate {
        Fate::Due(_) => None,
        Fate::Late(due) => Some(format!("was lost once: arrives at {}", seconds(due))),
        Fate::Held => Some("held by the link".to_owned()),
        Fate::Dropped => Some("never arrives".to_owned()),
    };
    let made = (event.actor == packet.link).then(|| format!("made by the link {}", packet.link));
    match (made, fate) {
        (Some(made), Some(fate)) => Some(format!("{made}; {fate}")),
        (made, fate) => made.or(fate),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// The packet with its headers, in network order (RFC 791 3.1, RFC 8200 3).
fn ip(packet: &Packet) -> io::Result<Vec<u8>> {
    const TCP: u8 = 6;
    const HOPS: u8 = 64;
    let tcp = tcp(packet)?;
    let mut bytes = Vec::with_capacity(40 + tcp.len());
    match (packet.addresses.0.ip(), packet.addresses.1.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let len = u16::try_from(20 + tcp.len()).map_err(io::Error::other)?;
            // Never in fragments, so that it needs no identification (RFC 6864 4.1).
            let (version_and_length, service, identification, flags) = (0x45, 0, 0_u16, 0x4000_u16);
            bytes.extend([version_and_length, service]);
            bytes.extend([len, identification, flags].iter().flat_map(|n| n.to_be_bytes()));
            bytes.extend([HOPS, TCP, 0, 0]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            let sum = checksum(&[&bytes]);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (from, to) => {
            let len = u16::try_from(tcp.len()).map_err(io::Error::other)?;
            bytes.extend(0x6000_0000_u32.to_be_bytes());
            bytes.extend(len.to_be_bytes());
            bytes.extend([TCP, HOPS]);
            bytes.extend(v6(from));
            bytes.extend(v6(to));
        }
    }
    bytes.extend(tcp);
    Ok(bytes)
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The segment with its header, without options (RFC 9293 3.1).
fn tcp(packet: &Packet) -> io::Result<Vec<u8>> {
    const WORDS: u8 = 5;
    let (from, to) = packet.addresses;
    let mut bytes = Vec::with_capacity(20 + packet.payload.len());
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(packet.seq.to_be_bytes());
    bytes.extend(packet.ack.to_be_bytes());
    bytes.extend([WORDS << 4, bits(packet.flags)]);
    bytes.extend(packet.window.to_be_bytes());
    let (no_checksum_yet, not_urgent) = ([0; 2], [0; 2]);
    bytes.extend(no_checksum_yet);
    bytes.extend(not_urgent);
    bytes.extend_from_slice(&packet.payload);
    let sum = checksum(&[&pseudo_header(from, to, bytes.len())?, &bytes]);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    Ok(bytes)
}

fn bits(flags: Flags) -> u8 {
    let Flags { syn, ack, fin, rst, psh } = flags;
    u8::from(ack) << 4
        | u8::from(psh) << 3
        | u8::from(rst) << 2
        | u8::from(syn) << 1
        | u8::from(fin)
}

/// What of the IP header the checksum of TCP covers too (RFC 9293 3.1, RFC 8200 8.1).
fn pseudo_header(from: SocketAddr, to: SocketAddr, len: usize) -> io::Result<Vec<u8>> {
    let len = u32::try_from(len).map_err(io::Error::other)?;
    let mut bytes = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (from, to) => [v6(from), v6(to)].concat(),
    };
    bytes.extend(6_u32.to_be_bytes());
    bytes.extend(len.to_be_bytes());
    Ok(bytes)
}

/// The Internet checksum (RFC 1071) of parts of which all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let value = |word: &[u8]| u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]);
    let add = |sum: u16, word: &[u8]| {
        let (sum, carried) = sum.overflowing_add(value(word));
        sum + u16::from(carried)
    };
    !words.fold(0, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leads_out_of_the_folder_and_no_two_lead_to_one_file() {
        for (id, name) in [
            ("a-b/c_d", "a-b/c_d.pcapng"),
            ("a/b[eol=crlf,cut=1]", "a/b[eol=crlf,cut=1].pcapng"),
            ("/tmp/my bug", "tmp/my%20bug.pcapng"),
            ("../../x", "%2e./%2e./x.pcapng"),
            ("a/b%20c", "a/b%2520c.pcapng"),
            ("a/..\\c:*?", "a/%2e.%5cc%3a%2a%3f.pcapng"),
        ] {
            assert_eq!(file_name(id), name);
        }
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        // Its example, section 3; an odd byte counts as the upper one of a word.
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
        assert_eq!(checksum(&[&[0xff, 0xff, 0xff, 0xff, 0x01]]), !0x0100);
    }
}
