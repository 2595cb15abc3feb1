//! Attempts to reach somebody: another machine, another process, or the kernel by a socket.

use candor_jail::Mechanism::{Landlock, Namespaces};

use super::attempt::Argument::{self, Bytes, Number, Other, Socket, Space, Text};
use super::attempt::{Attempt, named};
use super::call::call;
use super::ground::Ground;

const NONE: Argument = Number(0);
const STREAM: Argument = Number(libc::SOCK_STREAM as i64);
const DATAGRAM: Argument = Number(libc::SOCK_DGRAM as i64);
const RAW: Argument = Number(libc::SOCK_RAW as i64);
/// 127.0.0.1, port 9.
const ADDRESS: &[u8] = &[libc::AF_INET as u8, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
const SIXTEEN: Argument = Number(16);

const fn network(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("network", call, what, arguments)
}

const fn own(name: &'static str, what: &'static str, act: fn(&mut Ground) -> Result<i64, i32>) -> Attempt {
    Attempt::own("network", name, what, act)
}

const fn family(family: i32) -> Argument {
    Number(family as i64)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Sockets of every family.
    network(named!(SYS_socket), "make a TCP socket", &[family(libc::AF_INET), STREAM, NONE]).real(),
    network(named!(SYS_socket), "make a UDP socket", &[family(libc::AF_INET), DATAGRAM, NONE]).real(),
    network(named!(SYS_socket), "make a TCP socket of IPv6", &[family(libc::AF_INET6), STREAM, NONE]).real(),
    network(named!(SYS_socket), "make a UDP socket of IPv6", &[family(libc::AF_INET6), DATAGRAM, NONE])
        .real(),
    network(named!(SYS_socket), "make a raw socket", &[family(libc::AF_INET), RAW, Number(255)]),
    network(
        named!(SYS_socket),
        "make a socket for echo requests",
        &[family(libc::AF_INET), DATAGRAM, Number(1)],
    ),
    network(
        named!(SYS_socket),
        "make a socket for whole frames",
        &[family(libc::AF_PACKET), RAW, Number(0x300)],
    ),
    network(named!(SYS_socket), "make a Unix socket", &[family(libc::AF_UNIX), STREAM, NONE]).real(),
    network(
        named!(SYS_socket),
        "make a socket to the kernel (netlink)",
        &[family(libc::AF_NETLINK), RAW, NONE],
    )
    .real(),
    network(
        named!(SYS_socket),
        "make a socket to the machine's host (vsock)",
        &[family(libc::AF_VSOCK), STREAM, NONE],
    )
    .real(),
    network(
        named!(SYS_socket),
        "make a socket to the kernel's ciphers",
        &[family(libc::AF_ALG), Number(5), NONE],
    ),
    network(named!(SYS_socket), "make a Bluetooth socket", &[family(libc::AF_BLUETOOTH), RAW, Number(1)]),
    network(named!(SYS_socket), "make a CAN socket", &[family(libc::AF_CAN), RAW, Number(1)]),
    network(named!(SYS_socket), "make a TIPC socket", &[family(libc::AF_TIPC), STREAM, NONE]),
    network(named!(SYS_socket), "make an RDS socket", &[family(libc::AF_RDS), Number(5), NONE]),
    network(named!(SYS_socket), "make an XDP socket", &[family(libc::AF_XDP), RAW, NONE]),
    network(named!(SYS_socket), "make an SMC socket", &[family(43), STREAM, NONE]),
    network(named!(SYS_socket), "make a socket to a key store", &[family(libc::AF_KEY), RAW, Number(2)]),
    network(named!(SYS_socketpair), "make a pair of sockets", &[family(libc::AF_UNIX), STREAM, NONE, Space])
        .real(),
    // Whole conversations, as each mechanism refuses them.
    own("socket, connect", "call a TCP port of this machine", |ground| {
        reach_parent(ground, libc::AF_INET, libc::SOCK_STREAM)
    })
    .alone(&[Namespaces, Landlock]),
    own("socket, sendto", "send a UDP packet to this machine", |ground| {
        reach_parent(ground, libc::AF_INET, libc::SOCK_DGRAM)
    })
    .alone(&[Namespaces]),
    own("socket, bind, listen", "wait for calls on a TCP port", |_| {
        let socket = socket(libc::AF_INET, libc::SOCK_STREAM)?;
        let any = [libc::AF_INET as u8, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        call(libc::SYS_bind, [socket, any.as_ptr() as usize, 16, 0, 0, 0])?;
        call(libc::SYS_listen, [socket, 1, 0, 0, 0, 0])
    })
    .alone(&[Landlock]),
    own("socket, connect", "call an abstract Unix socket", |ground| {
        let socket = socket(libc::AF_UNIX, libc::SOCK_STREAM)?;
        let (address, length) = abstract_address(ground);
        call(libc::SYS_connect, [socket, address.as_ptr() as usize, length, 0, 0, 0])
    })
    .alone(&[Namespaces, Landlock]),
    // With the sockets that it has.
    network(named!(SYS_connect), "connect a socket that was sent", &[Other, Bytes(ADDRESS), SIXTEEN]),
    network(
        named!(SYS_connect),
        "connect its own socket to somebody else",
        &[Socket, Bytes(ADDRESS), SIXTEEN],
    ),
    network(
        named!(SYS_bind),
        "give its own socket a name",
        &[Socket, Bytes(&[libc::AF_UNIX as u8, 0]), Number(2)],
    )
    .real(),
    network(named!(SYS_listen), "wait for calls", &[Socket, Number(1)]),
    network(named!(SYS_accept4), "take a call", &[Socket, NONE, NONE, NONE]),
    network(named!(SYS_sendto), "send to an address", &[Socket, Text(c"x"), Number(1), NONE, NONE, NONE])
        .real(),
    network(
        named!(SYS_sendto),
        "send through a socket that was sent",
        &[Other, Text(c"x"), Number(1), NONE, NONE, NONE],
    )
    .real(),
    own("sendmsg", "send through a socket that was sent", |ground| {
        send(ground, Other, None, libc::MSG_NOSIGNAL)
    })
    .real(),
    own("sendmsg", "send a descriptor through a socket that was sent", |ground| {
        let descriptor = ground.value(Argument::File);
        send_descriptor(ground, Other, descriptor)
    })
    .real(),
    own("sendmsg", "send with flags that nobody needs", |ground| {
        send(ground, Socket, None, libc::MSG_NOSIGNAL | libc::MSG_OOB)
    }),
    own("sendmsg", "send through its own socket to somebody else's address", |ground| {
        let (address, length) = abstract_address(ground);
        send(ground, Socket, Some((&address, length)), libc::MSG_NOSIGNAL)
    })
    .reaches_only_the_parent(),
    network(named!(SYS_sendmmsg), "send several packets", &[Socket, Space, NONE, NONE]).real(),
    network(named!(SYS_write), "write to its own socket", &[Socket, Text(c"x"), Number(1)]).real(),
    network(named!(SYS_read), "read from its own socket", &[Socket, Space, NONE]),
    network(
        named!(SYS_recvfrom),
        "receive from an address",
        &[Socket, Space, Number(1), Number(libc::MSG_DONTWAIT as i64), NONE, NONE],
    ),
    network(
        named!(SYS_recvmsg),
        "receive from a socket that was sent",
        &[Other, Space, Number(libc::MSG_DONTWAIT as i64)],
    ),
    network(
        named!(SYS_recvmsg),
        "receive errors, with their senders",
        &[Socket, Space, Number((libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) as i64)],
    ),
    network(named!(SYS_recvmmsg), "receive several packets", &[Socket, Space, NONE, NONE, NONE]).real(),
    network(
        named!(SYS_getsockopt),
        "ask a socket who is at the other end",
        &[Socket, Number(1), Number(17), Space, Bytes(&[12, 0, 0, 0])],
    ),
    network(
        named!(SYS_setsockopt),
        "hang a program onto a socket",
        &[Socket, Number(1), Number(26), Space, SIXTEEN],
    ),
    network(named!(SYS_getsockname), "ask for a name", &[Socket, Space, Bytes(&[16, 0, 0, 0])]),
    network(named!(SYS_getpeername), "ask for the other's name", &[Socket, Space, Bytes(&[16, 0, 0, 0])]),
    network(named!(SYS_shutdown), "close one direction", &[Other, Number(2)]).real(),
];

fn socket(family: i32, kind: i32) -> Result<usize, i32> {
    call(libc::SYS_socket, [family as usize, kind as usize, 0, 0, 0, 0]).map(|number| number as usize)
}

/// Reaches the port on which the parent listens; its number is in the file that was sent.
fn reach_parent(ground: &Ground, family: i32, kind: i32) -> Result<i64, i32> {
    let mut text = [0_u8; 5];
    let file = ground.value(Argument::File);
    call(libc::SYS_pread64, [file, text.as_mut_ptr() as usize, text.len(), 0, 0, 0])?;
    let digits = std::str::from_utf8(&text).unwrap_or_default();
    let port = digits.trim().parse::<u16>().map_err(|_| libc::EINVAL)?;
    let [high, low] = port.to_be_bytes();
    let address = [family as u8, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let socket = socket(family, kind)?;
    let address = address.as_ptr() as usize;
    if kind == libc::SOCK_DGRAM {
        return call(libc::SYS_sendto, [socket, c"out".as_ptr() as usize, 3, 0, address, 16]);
    }
    call(libc::SYS_connect, [socket, address, 16, 0, 0, 0])
}

/// The abstract name under which the parent listens, which has its number in it.
fn abstract_address(ground: &Ground) -> (Vec<u8>, usize) {
    let mut address = vec![libc::AF_UNIX as u8, 0, 0];
    address.extend(format!("candor-escape-{}", ground.value(Argument::Parent)).bytes());
    let length = address.len();
    (address, length)
}

fn send(ground: &Ground, to: Argument, address: Option<(&[u8], usize)>, flags: i32) -> Result<i64, i32> {
    let text = b"out";
    let slice = [text.as_ptr() as usize, text.len()];
    let (name, length) = address.map_or((0, 0), |(bytes, length)| (bytes.as_ptr() as usize, length));
    let header = [name, length, slice.as_ptr() as usize, 1, 0, 0, 0];
    call(libc::SYS_sendmsg, [ground.value(to), header.as_ptr() as usize, flags as usize, 0, 0, 0])
}

fn send_descriptor(ground: &Ground, to: Argument, descriptor: usize) -> Result<i64, i32> {
    let text = b"out";
    let slice = [text.as_ptr() as usize, text.len()];
    // `struct cmsghdr`: 20 bytes with the level SOL_SOCKET and the kind SCM_RIGHTS, then the descriptor.
    let rights = [20_usize, 1 | 1 << 32, descriptor];
    let header = [0, 0, slice.as_ptr() as usize, 1, rights.as_ptr() as usize, 24, 0];
    call(
        libc::SYS_sendmsg,
        [ground.value(to), header.as_ptr() as usize, libc::MSG_NOSIGNAL as usize, 0, 0, 0],
    )
}
