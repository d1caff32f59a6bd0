//! Rows with times, written while a run goes on: one for each day, practice and pair of parties in which anything was
//! asked.

mod parquet;

use std::io::{self, Write};

use serde::Serialize;

pub use parquet::Parquet;

/// One day of one practice between two parties. Amounts stand for the people there are in truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row<'a> {
    /// The beginning of the day, RFC 3339.
    pub time: &'a str,
    /// The proposal.
    pub proposal: &'a str,
    /// The seed.
    pub seed: u64,
    /// Who asked.
    pub asker: &'a str,
    /// Who was asked.
    pub holder: &'a str,
    /// The exchange.
    pub exchange: &'a str,
    /// The place of the practice in the scenario.
    pub practice: usize,
    /// Occasions.
    pub wished: f64,
    /// Queries answered.
    pub queries: f64,
    /// Queries that were not.
    pub unanswered: f64,
    /// Hits.
    pub hits: f64,
    /// True ones.
    pub true_hits: f64,
    /// Bits that the answers told.
    pub hit_bits: f64,
    /// Entries searched by a query, padding included.
    pub entries: f64,
    /// Seconds from query to answer.
    pub answer_seconds: f64,
    /// Load of the holder's node, as a share of its processors' time.
    pub load: f64,
}

/// Takes rows.
pub trait Sink: Send {
    /// Takes one row.
    ///
    /// # Errors
    /// Of the file.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;

    /// Ends the file.
    ///
    /// # Errors
    /// Of the file.
    fn end(self: Box<Self>) -> io::Result<()>;
}

/// Comma-separated rows with a header [RFC 4180]; no value needs quotes.
pub struct Csv<W>(W);

impl<W: Write + Send> Csv<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// Of the writer.
    pub fn new(mut to: W) -> io::Result<Self> {
        writeln!(
            to,
            "time,proposal,seed,asker,holder,exchange,practice,wished,queries,unanswered,hits,true_hits,hit_bits,\
             entries,answer_seconds,load"
        )?;
        Ok(Self(to))
    }
}

impl<W: Write + Send> Sink for Csv<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let Row { time, proposal, seed, asker, holder, exchange, practice, wished, queries, .. } = row;
        let Row { unanswered, hits, true_hits, hit_bits, entries, answer_seconds, load, .. } = row;
        writeln!(
            self.0,
            "{time},{proposal},{seed},{asker},{holder},{exchange},{practice},{wished},{queries},{unanswered},{hits},\
             {true_hits},{hit_bits},{entries},{answer_seconds},{load}"
        )
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

/// One JSON object a line.
pub struct Ndjson<W>(W);

impl<W: Write + Send> Ndjson<W> {
    /// Rows to a writer.
    pub fn new(to: W) -> Self {
        Self(to)
    }
}

impl<W: Write + Send> Sink for Ndjson<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, row)?;
        self.0.write_all(b"\n")
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

/// Both at once.
pub struct Both(pub Box<dyn Sink>, pub Box<dyn Sink>);

impl Sink for Both {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.0.row(row)?;
        self.1.row(row)
    }

    fn end(self: Box<Self>) -> io::Result<()> {
        self.0.end()?;
        self.1.end()
    }
}
