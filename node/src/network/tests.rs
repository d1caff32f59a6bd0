//! Real sockets on the loopback interface.

mod life;

use tokio::{io::copy, task::JoinSet};

use super::*;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/symbolon/test/1");
const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

struct Side {
    network: Network,
    incoming: Incoming,
}

impl Side {
    fn id(&self) -> PeerId {
        self.network.local_peer_id()
    }

    fn addresses(&self) -> Vec<Multiaddr> {
        self.network.listen_addresses()
    }

    /// Allows `other` at its present addresses.
    async fn knows(&self, other: &Side) {
        self.network.allow(other.id(), other.addresses()).await.unwrap();
    }

    async fn open(&self, other: &Side) -> Result<Stream, NetworkError> {
        self.network.open(other.id(), PROTOCOL).await
    }

    /// Gives back whatever comes, on every stream, until shutdown.
    fn echo(self) -> Network {
        let Side { network, mut incoming } = self;
        let kept = network.clone();
        tokio::spawn(async move {
            while let Some(inbound) = incoming.recv().await {
                assert_eq!(inbound.protocol, PROTOCOL);
                tokio::spawn(echo(inbound.stream));
            }
            drop(kept);
        });
        network
    }
}

async fn echo(stream: Stream) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    if copy(&mut reader, &mut writer).await.is_ok() {
        let _ = writer.shutdown().await;
    }
}

fn config(listen: &str) -> NetworkConfig {
    NetworkConfig {
        listen: vec![listen.parse().unwrap()],
        protocols: vec![PROTOCOL],
        dial_timeout: Duration::from_secs(2),
        open_timeout: Duration::from_secs(4),
        ..NetworkConfig::default()
    }
}

async fn start(config: NetworkConfig) -> Side {
    let (network, incoming) = Network::start(config, Keypair::generate_ed25519()).await.unwrap();
    Side { network, incoming }
}

/// Two nodes that know each other.
async fn pair(config: NetworkConfig) -> (Side, Side) {
    let (asker, holder) = (start(config.clone()).await, start(config).await);
    asker.knows(&holder).await;
    holder.knows(&asker).await;
    (asker, holder)
}

async fn round_trip(stream: &mut Stream) {
    let mut back = [0; 5];
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");
}

/// Sends `total` patterned bytes and checks that the same come back, both directions at once.
async fn bulk(stream: Stream, total: usize) {
    let pattern = |at: usize| (at % 251) as u8;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        let mut at = 0;
        while at < total {
            let piece: Vec<u8> = (at..(at + 65_536).min(total)).map(pattern).collect();
            writer.write_all(&piece).await.unwrap();
            at += piece.len();
        }
        writer.shutdown().await.unwrap();
    };
    let read = async {
        let (mut at, mut buffer) = (0, vec![0; 65_536]);
        loop {
            let got = reader.read(&mut buffer).await.unwrap();
            if got == 0 {
                break at;
            }
            assert!(buffer[..got].iter().enumerate().all(|(i, &byte)| byte == pattern(at + i)));
            at += got;
        }
    };
    assert_eq!(tokio::join!(write, read).1, total);
}

#[tokio::test]
async fn twenty_megabytes_go_both_ways_on_one_stream() {
    let (asker, holder) = pair(config(TCP)).await;
    let stream = asker.open(&holder).await.unwrap();
    holder.echo();
    timeout(Duration::from_secs(15), bulk(stream, 20_000_000)).await.unwrap();
}

#[tokio::test]
async fn quic_carries_the_same() {
    let (asker, holder) = pair(NetworkConfig { quic: true, ..config(QUIC) }).await;
    let stream = asker.open(&holder).await.unwrap();
    holder.echo();
    timeout(Duration::from_secs(15), bulk(stream, 4_000_000)).await.unwrap();
}

#[tokio::test]
async fn quic_addresses_need_quic_switched_on() {
    let error = Network::start(config(QUIC), Keypair::generate_ed25519()).await.unwrap_err();
    assert!(matches!(error, NetworkError::Listen { .. }), "{error}");
}

/// Opens 64 streams at once and gives how many were taken; every other one must be refused for a full queue.
async fn open_64(asker: &Side, holder: PeerId) -> usize {
    let mut openers = JoinSet::new();
    for _ in 0..64 {
        let network = asker.network.clone();
        openers.spawn(async move { network.open(holder, PROTOCOL).await });
    }
    let outcomes = timeout(Duration::from_secs(5), openers.join_all()).await.unwrap();
    let mut taken = 0;
    for outcome in outcomes {
        match outcome {
            Ok(_) => taken += 1,
            Err(NetworkError::Refused { refusal: Refusal::QueueFull, .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    taken
}

#[tokio::test]
async fn five_hundred_streams_at_once_are_all_served() {
    let (asker, holder) =
        pair(NetworkConfig { inbound_queue: 500, streams_per_peer: 500, ..config(TCP) }).await;
    let mut openers = JoinSet::new();
    let holder = holder.echo().local_peer_id();
    for _ in 0..500 {
        let network = asker.network.clone();
        openers.spawn(async move {
            let mut stream = network.open(holder, PROTOCOL).await.unwrap();
            round_trip(&mut stream).await;
        });
    }
    timeout(Duration::from_secs(5), openers.join_all()).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_refused_and_nothing_taken_is_lost() {
    let (asker, mut holder) = pair(NetworkConfig { inbound_queue: 10, ..config(TCP) }).await;
    assert_eq!(open_64(&asker, holder.id()).await, 10);
    for _ in 0..10 {
        assert_eq!(holder.incoming.recv().await.unwrap().peer, asker.id());
    }
    assert!(holder.incoming.try_recv().is_err());
    // There is room again.
    asker.open(&holder).await.unwrap();
}

#[tokio::test]
async fn a_peer_holds_only_so_many_streams() {
    let (asker, mut holder) = pair(NetworkConfig { streams_per_peer: 2, ..config(TCP) }).await;
    let _first = asker.open(&holder).await.unwrap();
    let _second = asker.open(&holder).await.unwrap();
    let error = asker.open(&holder).await.unwrap_err();
    assert!(matches!(error, NetworkError::Refused { refusal: Refusal::TooManyStreams, .. }), "{error}");
    drop(holder.incoming.recv().await.unwrap());
    asker.open(&holder).await.unwrap();
}

#[tokio::test]
async fn a_stopped_receiver_refuses() {
    let (asker, mut holder) = pair(config(TCP)).await;
    holder.incoming.close();
    let error = asker.open(&holder).await.unwrap_err();
    assert!(matches!(error, NetworkError::Refused { refusal: Refusal::Stopping, .. }), "{error}");
}

#[tokio::test]
async fn an_unknown_protocol_is_not_supported() {
    let (asker, holder) = pair(config(TCP)).await;
    let other = StreamProtocol::new("/symbolon/other/1");
    let error = asker.network.open(holder.id(), other.clone()).await.unwrap_err();
    assert!(matches!(&error, NetworkError::NotSupported { protocol, .. } if *protocol == other), "{error}");
}

#[tokio::test]
async fn a_stranger_gets_no_stream() {
    let fast = NetworkConfig { open_timeout: Duration::from_millis(700), ..config(TCP) };
    let (stranger, mut holder) = (start(fast.clone()).await, start(fast).await);
    stranger.knows(&holder).await;
    let error = stranger.open(&holder).await.unwrap_err();
    assert!(matches!(error, NetworkError::ConnectionLost { .. }), "{error}");
    assert!(holder.incoming.try_recv().is_err());
    // Nor does the holder talk to a stranger.
    let error = holder.open(&stranger).await.unwrap_err();
    assert!(matches!(error, NetworkError::NotAllowed { peer } if peer == stranger.id()), "{error}");
}

#[tokio::test]
async fn another_peer_at_the_address_is_named() {
    let (asker, other) = pair(config(TCP)).await;
    let expected = Keypair::generate_ed25519().public().to_peer_id();
    asker.network.allow(expected, other.addresses()).await.unwrap();
    let error = asker.network.open(expected, PROTOCOL).await.unwrap_err();
    assert!(matches!(error, NetworkError::WrongPeer { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&expected.to_string()) && text.contains(&other.id().to_string()), "{text}");
}

#[tokio::test]
async fn a_wrong_peer_at_one_address_does_not_hide_the_right_one() {
    let (asker, holder) = pair(config(TCP)).await;
    let other = start(config(TCP)).await;
    other.network.allow(asker.id(), vec![]).await.unwrap();
    let addresses = [other.addresses(), holder.addresses()].concat();
    asker.network.allow(holder.id(), addresses).await.unwrap();
    asker.open(&holder).await.unwrap();
}

#[tokio::test]
async fn an_address_that_names_another_peer_is_not_allowed() {
    let (asker, holder) = pair(config(TCP)).await;
    let address = holder.addresses().remove(0).with(Protocol::P2p(asker.id()));
    let error = asker.network.allow(holder.id(), vec![address]).await.unwrap_err();
    assert!(matches!(error, NetworkError::ForeignAddress { .. }), "{error}");
}

#[tokio::test]
async fn nobody_listening_names_the_address() {
    let asker = start(NetworkConfig { open_timeout: Duration::from_millis(500), ..config(TCP) }).await;
    let (peer, address) = (PeerId::random(), "/ip4/127.0.0.1/tcp/1");
    asker.network.allow(peer, vec![address.parse().unwrap()]).await.unwrap();
    let error = asker.network.open(peer, PROTOCOL).await.unwrap_err();
    assert!(matches!(error, NetworkError::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(address) && text.contains("refused"), "{text}");
    assert!(!text.contains(": :"), "nothing empty is said: {text}");
    for said in ["refused", &peer.to_string()] {
        assert_eq!(text.matches(said).count(), 1, "{said} is said once: {text}");
    }

    asker.network.allow(peer, vec![]).await.unwrap();
    let error = asker.network.open(peer, PROTOCOL).await.unwrap_err();
    assert!(matches!(error, NetworkError::NoAddress { .. }), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = start(config(TCP)).await;
    let address = first.addresses().remove(0);
    let again = config(&address.to_string());
    let error = Network::start(again, Keypair::generate_ed25519()).await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_writer() {
    let (asker, mut holder) = pair(config(TCP)).await;
    let mut stream = asker.open(&holder).await.unwrap();
    let mut inbound = holder.incoming.recv().await.unwrap().stream;
    let (piece, mut written) = (vec![7; 16_384], 0);
    while let Ok(outcome) = timeout(Duration::from_millis(300), stream.write(&piece)).await {
        written += outcome.unwrap();
        assert!(written < 4 << 20, "the writer was never held");
    }
    // Reading on sets it free.
    let mut all = vec![0; written + piece.len()];
    let both = async { tokio::join!(inbound.read_exact(&mut all), stream.write_all(&piece)) };
    let (read, wrote) = timeout(Duration::from_secs(2), both).await.unwrap();
    assert_eq!((read.unwrap(), wrote.unwrap()), (written + piece.len(), ()));
}

#[tokio::test]
async fn a_ping_is_a_round_trip_and_the_peer_is_listed() {
    let (asker, holder) = pair(NetworkConfig { inbound_queue: 1, ..config(TCP) }).await;
    let before = asker.network.peers().await.unwrap();
    assert!(!before[0].connected && before[0].last_seen.is_none());
    // The echo takes no place in the queue, which is full here.
    let _stream = asker.open(&holder).await.unwrap();
    let round_trip = asker.network.ping(holder.id()).await.unwrap();
    assert!(round_trip > Duration::ZERO && round_trip < Duration::from_secs(1), "{round_trip:?}");

    let listed = async {
        loop {
            let peers = asker.network.peers().await.unwrap();
            if peers[0].round_trip.is_some() {
                break peers;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let peers = timeout(Duration::from_secs(2), listed).await.unwrap();
    let [status] = &peers[..] else { panic!("{peers:?}") };
    assert_eq!(status.peer, holder.id());
    assert_eq!(status.addresses, holder.addresses());
    assert!(status.connected && status.connections == 1 && status.last_seen.is_some(), "{status:?}");
}
