//! Rows as Apache Parquet, a column at a time.
//!
//! Source: the Parquet format (<https://parquet.apache.org/docs/file-format/>). Rows are held until there are
//! [`GROUP`] of them and then written as one row group, so memory does not grow with a run. The list of groups stands at
//! the end of a file: one that was not ended is none, for every reader.

use std::{
    io::{self, Write},
    sync::Arc,
};

use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::Type,
};
use symbolon_policy::words::Timestamp;

use super::{Row, Sink};

/// Rows that are held before they are written: about three megabytes.
const GROUP: usize = 16_384;

/// Texts of a row, by column; `seed` stands behind the first, `practice` behind the last.
const TEXTS: [&str; 4] = ["proposal", "asker", "holder", "exchange"];
/// Amounts of a row, by column.
const AMOUNTS: [&str; 9] =
    ["wished", "queries", "unanswered", "hits", "true_hits", "hit_bits", "entries", "answer_seconds", "load"];

/// A file with one column for each value of a [`Row`]: `time` as a timestamp in UTC, in milliseconds; texts as UTF-8;
/// `seed` and `practice` as unsigned numbers of 64 bits; amounts as doubles. No value is ever missing. Values are kept
/// by dictionary where they repeat, and not compressed.
pub struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    held: Held,
    /// Texts seen so far. There are as many as parties, proposals and exchanges.
    known: Vec<ByteArray>,
}

/// Rows that are not written yet.
#[derive(Default)]
struct Held {
    time: Vec<i64>,
    texts: [Vec<ByteArray>; TEXTS.len()],
    /// The bits of unsigned numbers, as the schema says.
    seed: Vec<i64>,
    practice: Vec<i64>,
    amounts: [Vec<f64>; AMOUNTS.len()],
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Of the writer.
    pub fn new(to: W) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_created_by(format!("symbolon {}", env!("CARGO_PKG_VERSION")))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let schema = Arc::new(schema().map_err(fault)?);
        let file = SerializedFileWriter::new(to, schema, Arc::new(properties)).map_err(fault)?;
        Ok(Self { file, held: Held::default(), known: Vec::new() })
    }

    /// One more copy of a text, which costs no memory.
    fn text(&mut self, text: &str) -> ByteArray {
        if let Some(known) = self.known.iter().find(|known| known.data() == text.as_bytes()) {
            return known.clone();
        }
        let new = ByteArray::from(text);
        self.known.push(new.clone());
        new
    }

    /// Writes what is held as one row group.
    fn write(&mut self) -> Result<(), ParquetError> {
        let held = std::mem::take(&mut self.held);
        if held.time.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        let [proposal, others @ ..] = &held.texts;
        column::<Int64Type, _>(&mut group, &held.time)?;
        column::<ByteArrayType, _>(&mut group, proposal)?;
        column::<Int64Type, _>(&mut group, &held.seed)?;
        for text in others {
            column::<ByteArrayType, _>(&mut group, text)?;
        }
        column::<Int64Type, _>(&mut group, &held.practice)?;
        for amount in &held.amounts {
            column::<DoubleType, _>(&mut group, amount)?;
        }
        group.close()?;
        Ok(())
    }
}

/// Writes the next column of a group.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let more = || ParquetError::General("a row has more columns than the schema".to_owned());
    let mut column = group.next_column()?.ok_or_else(more)?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// The columns, in the order of the CSV file.
fn schema() -> Result<Type, ParquetError> {
    let one = |name: &str, physical: Physical, logical: Option<LogicalType>| {
        let column = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical);
        column.build().map(Arc::new)
    };
    let time = || Some(LogicalType::timestamp(true, TimeUnit::MILLIS));
    let unsigned = || Some(LogicalType::integer(64, false));
    let text = |name: &str| one(name, Physical::BYTE_ARRAY, Some(LogicalType::String));
    let [proposal, others @ ..] = TEXTS;
    let mut columns = vec![one("time", Physical::INT64, time())?, text(proposal)?];
    columns.push(one("seed", Physical::INT64, unsigned())?);
    for name in others {
        columns.push(text(name)?);
    }
    columns.push(one("practice", Physical::INT64, unsigned())?);
    for name in AMOUNTS {
        columns.push(one(name, Physical::DOUBLE, None)?);
    }
    Type::group_type_builder("rows").with_fields(columns).build()
}

fn fault(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => io::Error::other(error),
        error => io::Error::other(error.to_string()),
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let time = row.time.parse::<Timestamp>();
        let time = time.map_err(|_| io::Error::other(format!("{} is no time", row.time)))?;
        let texts = [row.proposal, row.asker, row.holder, row.exchange].map(|text| self.text(text));
        let held = &mut self.held;
        held.time.push(time.0.saturating_mul(1_000));
        held.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        held.seed.push(row.seed.cast_signed());
        held.practice.push((row.practice as u64).cast_signed());
        let amounts = [
            row.wished,
            row.queries,
            row.unanswered,
            row.hits,
            row.true_hits,
            row.hit_bits,
            row.entries,
            row.answer_seconds,
            row.load,
        ];
        held.amounts.iter_mut().zip(amounts).for_each(|(column, amount)| column.push(amount));
        if held.time.len() >= GROUP { self.write().map_err(fault) } else { Ok(()) }
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.write().map_err(fault)?;
        self.file.finish().map_err(fault)?;
        self.file.inner_mut().flush()
    }
}

#[cfg(test)]
mod tests;
