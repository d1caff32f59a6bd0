//! How connections come and go.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::net::{
    TcpListener, TcpStream,
    tcp::{OwnedReadHalf, OwnedWriteHalf},
};

use super::*;

#[tokio::test]
async fn a_peer_that_restarts_on_its_port_is_found_again() {
    let asker = start(config(TCP)).await;
    let key = Keypair::generate_ed25519();
    let (network, incoming) = Network::start(config(TCP), key.clone()).await.unwrap();
    let holder = Side { network, incoming };
    asker.knows(&holder).await;
    holder.knows(&asker).await;
    let address = holder.addresses().remove(0);
    let mut stream = asker.open(&holder).await.unwrap();
    let before = holder.echo();
    round_trip(&mut stream).await;
    before.shutdown().await;

    // The attempt starts before the peer is back.
    let network = asker.network.clone();
    let opener = tokio::spawn(async move { network.open(before.local_peer_id(), PROTOCOL).await });
    sleep(Duration::from_millis(100)).await;
    let (network, incoming) = Network::start(config(&address.to_string()), key).await.unwrap();
    let holder = Side { network, incoming };
    holder.knows(&asker).await;
    holder.echo();
    round_trip(&mut opener.await.unwrap().unwrap()).await;
}

/// Forwards one connection to `to` until `frozen`, then swallows everything without closing: a link cut silently.
async fn relay(from: TcpStream, to: SocketAddr, frozen: Arc<AtomicBool>) {
    let to = TcpStream::connect(to).await.unwrap();
    let ((from_reader, from_writer), (to_reader, to_writer)) = (from.into_split(), to.into_split());
    let one_way = async |mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf| {
        let mut buffer = [0; 4096];
        while let Ok(got @ 1..) = reader.read(&mut buffer).await {
            if !frozen.load(Ordering::SeqCst) {
                writer.write_all(&buffer[..got]).await.unwrap();
            }
        }
    };
    tokio::join!(one_way(from_reader, to_writer), one_way(to_reader, from_writer));
}

/// Makes `asker` dial `holder` through relays. The first relay freezes when the flag is set; later ones never do.
async fn behind_relay(asker: &Side, holder: &Side) -> Arc<AtomicBool> {
    let Some(Protocol::Tcp(port)) = holder.addresses()[0].iter().nth(1) else { panic!("not TCP") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
    asker.network.allow(holder.id(), vec![address.parse().unwrap()]).await.unwrap();
    let frozen = Arc::new(AtomicBool::new(false));
    let mut flag = Arc::clone(&frozen);
    tokio::spawn(async move {
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        while let Ok((from, _)) = listener.accept().await {
            tokio::spawn(relay(from, to, std::mem::take(&mut flag)));
        }
    });
    frozen
}

#[tokio::test]
async fn a_link_cut_without_a_word_is_replaced() {
    let (asker, holder) =
        pair(NetworkConfig { stream_timeout: Duration::from_millis(500), ..config(TCP) }).await;
    let frozen = behind_relay(&asker, &holder).await;
    let mut before = asker.open(&holder).await.unwrap();
    let holder = holder.echo().local_peer_id();
    round_trip(&mut before).await;
    frozen.store(true, Ordering::SeqCst);
    round_trip(&mut asker.network.open(holder, PROTOCOL).await.unwrap()).await;
}

#[tokio::test]
async fn a_connection_that_answers_no_pings_is_closed() {
    let fast = Duration::from_millis(100);
    let (asker, mut holder) =
        pair(NetworkConfig { ping_interval: fast, ping_timeout: fast, ..config(TCP) }).await;
    let frozen = behind_relay(&asker, &holder).await;
    let waiting = busy_streams(&asker, &mut holder).await;
    frozen.store(true, Ordering::SeqCst);
    // libp2p gives the second ping a new stream and 10 s to agree on it.
    timeout(Duration::from_secs(15), waiting.join_all()).await.unwrap();
    assert!(!asker.network.peers().await.unwrap()[0].connected);
}

/// Two streams between `one` and `two`: on the first both ends wait to read, on the second both wait to write. The
/// four tasks end when the streams are cut.
async fn busy_streams(one: &Side, two: &mut Side) -> JoinSet<()> {
    let mut waiting = JoinSet::new();
    let opened = one.open(two).await.unwrap();
    let taken = two.incoming.recv().await.unwrap().stream;
    for mut stream in [opened, taken] {
        waiting.spawn(async move { assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))) });
    }
    let opened = one.open(two).await.unwrap();
    let taken = two.incoming.recv().await.unwrap().stream;
    for mut stream in [opened, taken] {
        waiting.spawn(async move { while stream.write_all(&[0; 65_536]).await.is_ok() {} });
    }
    sleep(Duration::from_millis(100)).await;
    assert!(waiting.try_join_next().is_none());
    waiting
}

async fn all_end(waiting: JoinSet<()>) {
    timeout(Duration::from_secs(2), waiting.join_all()).await.unwrap();
}

#[tokio::test]
async fn forbidding_cuts_a_live_connection() {
    let (asker, mut holder) = pair(config(TCP)).await;
    let waiting = busy_streams(&asker, &mut holder).await;
    let holder_id = holder.id();
    let holder = holder.echo();
    holder.forbid(asker.id()).await.unwrap();
    all_end(waiting).await;
    assert!(holder.peers().await.unwrap().is_empty());

    asker.network.forbid(holder_id).await.unwrap();
    let error = asker.network.open(holder_id, PROTOCOL).await.unwrap_err();
    assert!(matches!(error, NetworkError::NotAllowed { .. }), "{error}");

    // And the other way about: allowed again, it works again.
    holder.allow(asker.id(), vec![]).await.unwrap();
    asker.network.allow(holder_id, holder.listen_addresses()).await.unwrap();
    round_trip(&mut asker.network.open(holder_id, PROTOCOL).await.unwrap()).await;
}

#[tokio::test]
async fn shutdown_ends_everything_and_frees_the_port() {
    let (asker, mut holder) = pair(config(TCP)).await;
    let address = holder.addresses().remove(0);
    let waiting = busy_streams(&asker, &mut holder).await;
    timeout(Duration::from_secs(2), holder.network.shutdown()).await.unwrap();
    holder.network.shutdown().await;

    all_end(waiting).await;
    assert!(timeout(Duration::from_secs(2), holder.incoming.recv()).await.unwrap().is_none());
    assert!(holder.addresses().is_empty());
    let error = holder.open(&asker).await.unwrap_err();
    assert!(matches!(error, NetworkError::Closed), "{error}");
    start(config(&address.to_string())).await;
}

#[tokio::test]
async fn both_may_shut_down_at_once() {
    for listen in [TCP, QUIC] {
        let (one, mut two) = pair(NetworkConfig { quic: true, ..config(listen) }).await;
        let waiting = busy_streams(&one, &mut two).await;
        let both = async { tokio::join!(one.network.shutdown(), two.network.shutdown()) };
        timeout(Duration::from_secs(2), both).await.unwrap();
        all_end(waiting).await;
    }
}

#[tokio::test]
async fn a_connection_still_in_its_handshake_does_not_delay_shutdown() {
    let (one, two) = pair(config(TCP)).await;
    // Both dial, so that one connection is still being made when the other carries the stream.
    let (there, back) = tokio::join!(one.open(&two), two.open(&one));
    let both = async { tokio::join!(one.network.shutdown(), two.network.shutdown()) };
    timeout(Duration::from_secs(2), both).await.unwrap();
    drop((there.unwrap(), back.unwrap()));
}

#[tokio::test]
async fn both_may_dial_at_once() {
    for _ in 0..10 {
        let (one, two) = pair(config(TCP)).await;
        let (there, back) = tokio::join!(one.open(&two), two.open(&one));
        let (mut there, mut back) = (there.unwrap(), back.unwrap());
        one.echo();
        two.echo();
        tokio::join!(round_trip(&mut there), round_trip(&mut back));
    }
}
