//! A file read in several pieces at once.

use super::super::parallel::map;
use super::columns::{Column, Kind, Notation};
use super::ragged;
use super::source::Source;
use crate::Result;

/// Rows that tell how many there will be: columns that grow as they are filled are copied again and again.
const SAMPLE: usize = 1000;

/// Some records of a file, one after the other.
pub(super) struct Piece {
    /// Where the first of them begins, or a line before it.
    begin: usize,
    /// Behind the last of them: where the next piece must begin.
    end: usize,
    pub(super) rows: usize,
    columns: Vec<Column>,
}

/// Reads all records from byte `begin` on, in about `count` pieces of equal size.
///
/// Pieces are cut after line ends. Such a line end may stand in quotes; then the piece before ends behind the cut, what
/// was read from the cut on is worth nothing, and it is read again from the right place. So pieces are always those
/// records that one reader would meet, and the first error is the one that it would meet first.
pub(super) fn read_pieces(
    source: &Source,
    begin: usize,
    count: usize,
    names: &[String],
    notation: &Notation,
) -> Result<Vec<Piece>> {
    let bytes = source.bytes();
    let mut cuts = vec![begin];
    for number in 1..count {
        let least = begin + (bytes.len() - begin) / count * number;
        let line = bytes[least..].iter().position(|byte| *byte == b'\n');
        cuts.extend(line.map(|length| least + length + 1).filter(|cut| Some(cut) > cuts.last()));
    }
    cuts.push(bytes.len());
    let spans: Vec<(usize, usize)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let read = map(spans.clone(), |(begin, end)| read_piece(source, begin, end, names, notation));
    let (mut pieces, mut at) = (Vec::new(), begin);
    for (piece, (begin, end)) in read.into_iter().zip(spans) {
        let piece = if begin == at { piece? } else { read_piece(source, at, end, names, notation)? };
        at = piece.end;
        pieces.push(piece);
    }
    Ok(pieces)
}

/// Reads the records that begin at byte `begin` or later, but before byte `end`.
fn read_piece(
    source: &Source,
    begin: usize,
    end: usize,
    names: &[String],
    notation: &Notation,
) -> Result<Piece> {
    let mut records = source.records(begin);
    let mut columns: Vec<Column> = names.iter().map(|_| Column::default()).collect();
    let (mut rows, first) = (0, begin);
    while records.find(end) {
        let begin = records.at();
        if rows == SAMPLE {
            // A sixteenth more, since one row too few is a copy of all.
            let share = (begin - first) as f64 / (end - first) as f64;
            let expected = (SAMPLE as f64 / share * (17.0 / 16.0)) as usize;
            columns.iter_mut().for_each(|column| column.reserve(expected));
        }
        let (mut values, mut ended) = (0, false);
        for column in &mut columns {
            let (value, last) = records.value();
            column.push(value, notation);
            values += 1;
            ended = last;
            if last {
                break;
            }
        }
        if values < names.len() || !ended {
            return Err(ragged(source, begin, names));
        }
        rows += 1;
    }
    match records.unclosed() {
        Some(quote) => Err(source.unclosed(quote)),
        None => Ok(Piece { begin, end: records.at(), rows, columns }),
    }
}

/// The parts of each column, all of the type that holds them all.
pub(super) fn join(source: &Source, mut pieces: Vec<Piece>, notation: &Notation) -> Vec<Vec<Column>> {
    let width = pieces.first().map_or(0, |piece| piece.columns.len());
    for number in 0..width {
        let kinds = pieces.iter().map(|piece| piece.columns[number].kind());
        let kind = kinds.fold(Kind::Nothing, Kind::and);
        pieces.iter_mut().for_each(|piece| piece.columns[number].become_kind(kind));
    }
    let mut columns: Vec<Vec<Column>> = (0..width).map(|_| Vec::new()).collect();
    for piece in map(pieces, |piece| reread(source, piece, notation)) {
        columns.iter_mut().zip(piece.columns).for_each(|(parts, part)| parts.push(part));
    }
    columns
}

/// A column that turned out to be text after its first values looked like numbers needs those as they were
/// written (007 is not 7), so the beginning is read again for it.
fn reread(source: &Source, mut piece: Piece, notation: &Notation) -> Piece {
    let rows = piece.columns.iter().map(Column::unread).max().unwrap_or(0);
    let mut records = source.records(piece.begin);
    for row in 0..rows {
        records.find(piece.end);
        for column in &mut piece.columns {
            column.read_again(row, records.value().0, notation);
        }
    }
    piece
}
