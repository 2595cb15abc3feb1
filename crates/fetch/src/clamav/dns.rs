//! Asks the servers of the system for a TXT record (RFC 1035), over UDP and, if the answer does not fit, over TCP.
//!
//! An answer is taken only from the server that was asked, with the number and the question of the request. It is not
//! authenticated beyond that: it can be the reason to ask a mirror, or not to, and nothing else.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// Where the system names its servers.
const SETTINGS: &str = "/etc/resolv.conf";
/// Longest settings that are read.
const MOST_SETTINGS: u64 = 64 << 10;
/// Most servers that are asked, as with the C library.
const MOST_SERVERS: usize = 3;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often each server is asked.
const ROUNDS: usize = 2;
/// Longest answer over UDP that is read.
const LONGEST_DATAGRAM: usize = 4096;
/// Longest record.
const LONGEST_TEXT: usize = 1024;

/// The servers that are asked.
#[derive(Clone, Debug)]
pub struct Resolvers {
    servers: Vec<SocketAddr>,
    patience: Duration,
}

impl Resolvers {
    /// Those of the system; this machine, if none is named. They are read here, before the process is confined.
    pub fn of_the_system() -> Self {
        let mut text = String::new();
        if let Ok(file) = fs::File::open(SETTINGS) {
            // What is cut off or is no text names no server.
            let _ = file.take(MOST_SETTINGS).read_to_string(&mut text);
        }
        Self { servers: servers(&text), patience: PATIENCE }
    }

    /// These, for tests.
    pub fn at(servers: Vec<SocketAddr>, patience: Duration) -> Self {
        Self { servers, patience }
    }

    /// The TXT record of a name, its strings joined.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn text(&self, name: &str) -> Result<String, String> {
        let mut last = "no server is known".to_owned();
        for _ in 0..ROUNDS {
            for server in &self.servers {
                match self.ask(*server, name) {
                    Ok(text) => return Ok(text),
                    Err(Failure::Final(why)) => return Err(why),
                    Err(Failure::Next(why)) => last = format!("{server}: {why}"),
                }
            }
        }
        Err(last)
    }

    fn ask(&self, server: SocketAddr, name: &str) -> Result<String, Failure> {
        let (id, request) = request(name)?;
        let deadline = Instant::now() + self.patience;
        match answer(&over_udp(server, id, &request, deadline)?, id, name)? {
            Some(text) => Ok(text),
            None => {
                let deadline = Instant::now() + self.patience;
                let whole = answer(&over_tcp(server, &request, deadline)?, id, name)?;
                whole.ok_or_else(|| Failure::Next("its whole answer is cut off".to_owned()))
            }
        }
    }
}

/// Why a server did not tell.
enum Failure {
    /// Another one may.
    Next(String),
    /// No other will.
    Final(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Next(error.to_string())
    }
}

/// The servers in `/etc/resolv.conf`.
fn servers(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let server = words.next() == Some("nameserver");
        words.next().filter(|_| server)?.parse::<IpAddr>().ok()
    });
    let mut servers: Vec<_> =
        addresses.map(|address| SocketAddr::new(address, 53)).take(MOST_SERVERS).collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
    }
    servers
}

/// A request and its number, which nobody can foresee.
fn request(name: &str) -> Result<(u16, Vec<u8>), Failure> {
    let wrong = |error: simple_dns::SimpleDnsError| Failure::Final(format!("no name: {error}"));
    let mut id = [0; 2];
    rustix::rand::getrandom(&mut id[..], rustix::rand::GetRandomFlags::empty()).map_err(io::Error::from)?;
    let id = u16::from_ne_bytes(id);
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).map_err(wrong)?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::TXT), QCLASS::CLASS(CLASS::IN), false));
    Ok((id, packet.build_bytes_vec().map_err(wrong)?))
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn over_udp(server: SocketAddr, id: u16, request: &[u8], deadline: Instant) -> io::Result<Vec<u8>> {
    // A socket that is connected without being bound gets a port that nobody can foresee, no datagrams of others, and
    // needs no right to listen, which the process does not have.
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    connect(&socket, &server)?;
    let socket = UdpSocket::from(socket);
    socket.send(request)?;
    let mut buffer = vec![0; LONGEST_DATAGRAM];
    loop {
        socket.set_read_timeout(Some(left(deadline)?))?;
        let length = socket.recv(&mut buffer)?;
        // An answer to another request is somebody's guess.
        if buffer[..length].starts_with(&id.to_be_bytes()) {
            return Ok(buffer[..length].to_vec());
        }
    }
}

fn over_tcp(server: SocketAddr, request: &[u8], deadline: Instant) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let length = u16::try_from(request.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes()[..], request].concat())?;
    let mut length = [0; 2];
    fill(&mut stream, &mut length, deadline)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    fill(&mut stream, &mut answer, deadline)?;
    Ok(answer)
}

/// Reads as much as fits, however slowly it comes, until the deadline.
fn fill(stream: &mut TcpStream, mut buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = stream.read(buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[count..];
    }
    Ok(())
}

/// The text in an answer; nothing if it was cut off.
fn answer(bytes: &[u8], id: u16, name: &str) -> Result<Option<String>, Failure> {
    let packet = Packet::parse(bytes).map_err(|error| Failure::Next(format!("no answer: {error}")))?;
    let asked = packet.questions.first().map(|question| (question.qname.to_string(), question.qtype));
    let same = asked.is_some_and(|(asked, kind)| {
        asked.eq_ignore_ascii_case(name.trim_end_matches('.')) && kind == QTYPE::TYPE(TYPE::TXT)
    });
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || !same {
        return Err(Failure::Next("an answer to another question".to_owned()));
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(Failure::Final("there is no such name".to_owned())),
        code => return Err(Failure::Next(format!("the server answers {code:?}"))),
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(None);
    }
    for record in packet.answers {
        if let RData::TXT(text) = record.rdata {
            let text =
                String::try_from(text).map_err(|_| Failure::Final("the record is no text".to_owned()))?;
            let plain = text.len() <= LONGEST_TEXT && text.chars().all(|letter| letter.is_ascii_graphic());
            return if plain {
                Ok(Some(text))
            } else {
                Err(Failure::Final("the record is no text".to_owned()))
            };
        }
    }
    Err(Failure::Final("there is no such record".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use proptest::prelude::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::TXT;

    use super::*;

    const NAME: &str = "current.cvd.clamav.net";

    /// The answer with a text to a request.
    fn reply(request: &[u8], text: &str, cut: bool) -> Vec<u8> {
        let mut packet = Packet::parse(request).unwrap().into_reply();
        if cut {
            packet.set_flags(PacketFlag::TRUNCATION);
        } else {
            let text = TXT::new().with_string(text).unwrap();
            let name = Name::new(NAME).unwrap();
            packet.answers.push(ResourceRecord::new(name, CLASS::IN, 60, RData::TXT(text)));
        }
        packet.build_bytes_vec().unwrap()
    }

    /// A server that answers so over UDP, with `over_tcp` over TCP.
    fn server(answers: fn(&[u8]) -> Vec<Vec<u8>>, over_tcp: fn(&[u8]) -> Vec<u8>) -> Resolvers {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                for answer in answers(&buffer[..length]) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut request).unwrap();
                let answer = over_tcp(&request);
                stream.write_all(&(answer.len() as u16).to_be_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        Resolvers::at(vec![address], Duration::from_millis(300))
    }

    #[test]
    fn a_record_comes_over_udp_and_if_it_is_cut_off_over_tcp() {
        let over_udp = server(|request| vec![reply(request, "1.5.1:62", false)], |_| Vec::new());
        assert_eq!(over_udp.text(NAME).unwrap(), "1.5.1:62");
        let over_tcp =
            server(|request| vec![reply(request, "", true)], |request| reply(request, "1.5.2:63", false));
        assert_eq!(over_tcp.text(NAME).unwrap(), "1.5.2:63");
    }

    #[test]
    fn guesses_and_other_questions_are_not_taken() {
        let guessed = server(
            |request| {
                let mut other = reply(request, "evil", false);
                other[0] ^= 1;
                vec![other, reply(request, "good", false)]
            },
            |_| Vec::new(),
        );
        assert_eq!(guessed.text(NAME).unwrap(), "good");
        let other_name = server(
            |request| {
                let mut bytes = reply(request, "evil", false);
                bytes[14] ^= 1;
                vec![bytes]
            },
            |_| Vec::new(),
        );
        assert!(other_name.text(NAME).unwrap_err().contains("another question"));
        let escape = server(|request| vec![reply(request, "1\x1b[2J", false)], |_| Vec::new());
        assert!(escape.text(NAME).unwrap_err().contains("no text"));
        let silent = server(|_| Vec::new(), |_| Vec::new());
        assert!(silent.text(NAME).is_err());
        let nonsense = server(|request| vec![request[..2].to_vec()], |_| Vec::new());
        assert!(nonsense.text(NAME).is_err());
        let cut_twice = server(|request| vec![reply(request, "", true)], |request| reply(request, "", true));
        assert!(cut_twice.text(NAME).unwrap_err().contains("cut off"));
    }

    #[test]
    fn servers_are_those_of_the_system() {
        let text = "# comment\nnameserver 192.0.2.1\nsearch x\nnameserver ::1\nnameserver nonsense\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        let addresses: Vec<String> = servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.0.2.1:53", "[::1]:53", "192.0.2.2:53"]);
        assert_eq!(servers("").len(), 1);
    }

    proptest! {
        #[test]
        fn answers_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>()) {
            let _ = answer(&bytes, 1, NAME);
            let (id, request) = request(NAME).ok().unwrap();
            let mut reply = reply(&request, "1.5.1:62", false);
            for (offset, byte) in bytes.iter().take(4).enumerate() {
                let place = (place.index(reply.len()) + offset * 7) % reply.len();
                reply[place] ^= byte;
            }
            let _ = answer(&reply, id, NAME);
        }
    }
}
