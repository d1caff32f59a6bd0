//! The partner without honour: a network and an agreement key of its own, and whatever bytes it likes.
//!
//! The words are written down here anew, so that these tests notice when the wire changes.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::{fs, time::Duration};

use ed25519_dalek::SigningKey;
use libp2p::{PeerId, StreamProtocol, identity::Keypair};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest as _, Sha256};
use symbolon_node::network::{Network, NetworkConfig, Stream};
use symbolon_policy::{
    agreement::Agreement,
    ask::{Ask, Fetch, MatchSetup},
    canonical,
    identity::{Identity, IdentityCard},
    keys::KeySet,
    manifest::Manifest,
    permit::RefusalCode,
    prepare::SignedPrepare,
    receipt::SignedReceipt,
    rules::ExchangeKind,
    signing::{self, Signature, Signer as _},
    words::{AgreementId, Digest, QueryId, SnapshotId, Timestamp},
};
use symbolon_protocol::{seed::Seed, set::fresh_key};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::Runtime,
    time::timeout,
};

use crate::support::{Agency, Faces, PERMITTED, REGISTER, text_of};

pub(crate) const EXACT: &str = "/symbolon/exact/1";
pub(crate) const COUNT: &str = "/symbolon/count/1";
pub(crate) const SNAPSHOT: &str = "/symbolon/snapshot/1";
pub(crate) const JOURNAL: &str = "/symbolon/journal/1";

/// The tag of frames that carry words.
pub(crate) const WORD: u8 = 0x80;
/// The tag of an asker's blinded elements.
pub(crate) const BLINDED: u8 = 1;

/// A frame as it goes over the wire.
pub(crate) fn frame(tag: u8, last: u8, body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes(), [tag, last].as_slice(), body].concat()
}

/// Words that the hostile partner says.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Say {
    Ask {
        ask: Box<Ask>,
        signature: Signature,
    },
    Fetch(Box<Fetch>),
    Countersigned(Signature),
    Seen(u64),
    Admitted,
    Keys {
        set: Box<KeySet>,
        signature: Signature,
    },
    Searching {
        entries: u64,
        seconds: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        prepared: bool,
    },
    Kept,
    Cosigned(Option<String>),
    Prepare(Box<SignedPrepare>),
}

impl Say {
    pub(crate) fn frame(&self) -> Vec<u8> {
        frame(WORD, 1, &canonical::encode(self).unwrap())
    }
}

/// Words that it hears.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Heard {
    Admitted,
    Ask {
        ask: Box<Ask>,
        signature: Signature,
        #[serde(default)]
        prepared: Option<Digest>,
    },
    Prepare(Box<SignedPrepare>),
    Kept,
    Fetch(Box<Fetch>),
    Refused {
        code: RefusalCode,
    },
    Preparing,
    Progress(IgnoredAny),
    Searching {
        entries: u64,
    },
    Manifest {
        manifest: Box<Manifest>,
    },
    Receipt(Box<SignedReceipt>),
    Seen(IgnoredAny),
    Checkpoint(IgnoredAny),
    Outcome(IgnoredAny),
    Keys {
        set: Box<KeySet>,
    },
}

/// What came back until the honest node closed the stream.
pub(crate) struct Answer {
    pub(crate) words: Vec<Heard>,
    /// Bodies of frames of the exchange itself: where there is one, something was disclosed.
    pub(crate) disclosed: Vec<Vec<u8>>,
    /// Tag and length of every frame.
    pub(crate) frames: Vec<(u8, usize)>,
}

impl Answer {
    pub(crate) fn refused(&self) -> Option<RefusalCode> {
        self.words.iter().find_map(|word| match word {
            Heard::Refused { code } => Some(*code),
            _ => None,
        })
    }
}

/// The partner without honour.
pub(crate) struct Hostile {
    pub(crate) runtime: Runtime,
    pub(crate) network: Network,
    pub(crate) signer: SigningKey,
    pub(crate) holder: PeerId,
    pub(crate) agreement: AgreementId,
    pub(crate) rules: Digest,
}

impl Hostile {
    pub(crate) const CODE: &str = "XX";

    /// Puts an agreement with `honest` in force, which is honest in everything but the partner.
    pub(crate) fn new(honest: &Agency) -> Self {
        Self::under(honest, "").0
    }

    /// The same with more terms as TOML, and the agreement.
    pub(crate) fn under(honest: &Agency, terms: &str) -> (Self, Agreement) {
        let runtime = Runtime::new().unwrap();
        let (node, signer) = (Keypair::generate_ed25519(), SigningKey::from_bytes(&rand::random()));
        let network = network(&runtime, node.clone());
        let agreement = agreed(honest, &node, &signer, Vec::new(), terms);
        let holder = peer_of(honest);
        runtime.block_on(network.allow(holder, vec![honest.address.parse().unwrap()])).unwrap();
        let (id, rules) = (agreement.id().unwrap(), agreement.rules().unwrap().digest());
        (Self { runtime, network, signer, holder, agreement: id, rules }, agreement)
    }

    /// Opens a stream.
    pub(crate) fn open(&self, protocol: &'static str) -> Stream {
        self.runtime.block_on(self.open_in(protocol))
    }

    /// The same where the runtime is at work already.
    pub(crate) async fn open_in(&self, protocol: &'static str) -> Stream {
        self.network.open(self.holder, StreamProtocol::new(protocol)).await.unwrap()
    }

    /// Sends `bytes`, ends its half, and reads until the honest node closes.
    pub(crate) fn send(&self, protocol: &'static str, bytes: &[u8]) -> Answer {
        let (mut reader, mut writer) = tokio::io::split(self.open(protocol));
        self.runtime.block_on(async {
            // Both at once; a node that has heard enough closes before it took everything.
            let writing = async {
                let _ = writer.write_all(bytes).await;
                let _ = writer.shutdown().await;
            };
            let mut heard = Vec::new();
            let reading = timeout(Duration::from_secs(30), reader.read_to_end(&mut heard));
            let ((), read) = tokio::join!(writing, reading);
            let _ = read.expect("the honest node closes the stream");
            parse(&heard)
        })
    }

    pub(crate) fn ask(&self, snapshot: Option<SnapshotId>, elements: &[u8]) -> Ask {
        let digest =
            Sha256::new().chain_update(b"symbolon/exact-query/1\0").chain_update(elements).finalize();
        Ask {
            query: QueryId(rand::random()),
            agreement: self.agreement,
            rules: self.rules,
            asker: Self::CODE.parse().unwrap(),
            holder: "RS".parse().unwrap(),
            exchange: ExchangeKind::Exact,
            register: REGISTER.parse().unwrap(),
            purpose: PERMITTED[0].parse().unwrap(),
            basis: PERMITTED[1].parse().unwrap(),
            officer: "officer-x".parse().unwrap(),
            case: Some(Digest([7; 32])),
            items: u32::try_from(elements.len() / 32).unwrap(),
            snapshot,
            matching: None,
            unexplained: 0,
            commitment: Digest([1; 32]),
            digest: Digest(digest.into()),
            asked_at: now(),
        }
    }

    pub(crate) fn sign(&self, ask: &Ask) -> Vec<u8> {
        let signature = signing::sign(ask, &self.signer).unwrap();
        Say::Ask { ask: Box::new(ask.clone()), signature }.frame()
    }

    pub(crate) fn fetch(&self) -> Fetch {
        let ask = self.ask(None, &[]);
        Fetch {
            agreement: ask.agreement,
            rules: ask.rules,
            asker: ask.asker,
            holder: ask.holder,
            register: ask.register,
            purpose: ask.purpose,
            basis: ask.basis,
            officer: ask.officer,
            case: true,
            matching: None,
        }
    }

    /// The words that fetch keys of the interactive engine.
    pub(crate) fn fetch_keys(&self, faces: Faces) -> Fetch {
        let (form, engine) = (faces.form().parse().unwrap(), "ot-garbled/1".parse().unwrap());
        Fetch { matching: Some(MatchSetup { form, engine }), ..self.fetch() }
    }

    /// Fetches the current snapshot's manifest as an honest partner does.
    pub(crate) fn manifest(&self) -> Manifest {
        let bytes = [Say::Fetch(Box::new(self.fetch())).frame(), frame(1, 1, &0_u64.to_be_bytes())].concat();
        for _ in 0..100 {
            for word in self.send(SNAPSHOT, &bytes).words {
                if let Heard::Manifest { manifest } = word {
                    return *manifest;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no snapshot");
    }
}

/// Puts an agreement in force at `honest`, with more terms as TOML. The partner is called at `addresses`.
pub(crate) fn agreed(
    honest: &Agency,
    node: &Keypair,
    signer: &SigningKey,
    addresses: Vec<String>,
    terms: &str,
) -> Agreement {
    let code = Hostile::CODE.parse().unwrap();
    let identity = Identity {
        code: Hostile::CODE.parse().unwrap(),
        name: "Agency without honour".into(),
        peer: node.public().to_peer_id().to_string(),
        key: signer.public(),
        addresses,
        made: now(),
    };
    let card = IdentityCard::sign(identity, signer).unwrap();
    let card = honest.file("hostile-card.json", &serde_json::to_string(&card).unwrap());
    let [draft, half] = ["hostile.toml", "hostile-half.json"].map(|name| text_of(&honest.path(name)));
    honest.run(&["agreement", "draft", "--with", &card, "--out", &draft]).ok();
    let text = fs::read_to_string(&draft).unwrap();
    fs::write(&draft, format!("{text}\n{terms}")).unwrap();
    honest.run(&["agreement", "sign", &draft, "--out", &half]).ok();
    let mut agreement: Agreement = serde_json::from_str(&fs::read_to_string(&half).unwrap()).unwrap();
    agreement.sign(&code, signer).unwrap();
    let whole = honest.file("hostile.json", &serde_json::to_string(&agreement).unwrap());
    honest.run(&["agreement", "accept", &whole]).ok();
    agreement
}

pub(crate) fn network(runtime: &Runtime, node: Keypair) -> Network {
    let config = NetworkConfig { open_timeout: Duration::from_secs(3), ..NetworkConfig::default() };
    runtime.block_on(Network::start(config, node)).unwrap().0
}

pub(crate) fn peer_of(agency: &Agency) -> PeerId {
    agency.run(&["status"]).ok()["peer"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_secs().try_into().unwrap())
}

/// Splits what was heard into frames; a last one that was cut off is dropped.
pub(crate) fn parse(mut bytes: &[u8]) -> Answer {
    let mut answer = Answer { words: Vec::new(), disclosed: Vec::new(), frames: Vec::new() };
    while let Some((header, rest)) = bytes.split_first_chunk::<6>() {
        let length = u32::from_be_bytes(*header.first_chunk().unwrap()) as usize;
        let Some((body, rest)) = rest.split_at_checked(length) else { break };
        answer.frames.push((header[4], length));
        if header[4] == WORD {
            answer.words.push(serde_ipld_dagcbor::from_slice(body).expect("a word that is known here"));
        } else {
            answer.disclosed.push(body.to_vec());
        }
        bytes = rest;
    }
    answer
}

/// Valid group elements that follow from a number.
pub(crate) fn elements(first: u8, count: u8) -> Vec<u8> {
    let point = |i: u8| *fresh_key(&Seed::new([i; 32]).stream("test")).unwrap().public_bytes();
    (first..first + count).flat_map(point).collect()
}
