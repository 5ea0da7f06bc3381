//! A file read in several pieces at once.

use std::ops::Range;

use super::super::parallel::map;
use super::columns::{Column, Kind, Notation};
use super::windows::{Fault, LineEnds, Windows};

/// Rows that tell how many there will be: columns that grow as they are filled are copied again and again.
const SAMPLE: usize = 1000;

/// Some records of a file, one after the other.
pub(super) struct Piece {
    /// From where the first of them begins, or a line before it, to behind the last of them: where the next piece must begin.
    span: Range<usize>,
    pub(super) rows: usize,
    pub(super) line_ends: LineEnds,
    columns: Vec<Column>,
}

/// Reads all records from byte `begin` on, in about `count` pieces of equal size.
///
/// Pieces are cut after line ends. Such a line end may stand in quotes; then the piece before ends behind the cut, what
/// was read from the cut on is worth nothing, and it is read again from the right place. So pieces are always those
/// records that one reader would meet, and the first error is the one that it would meet first.
pub(super) fn read_pieces(
    text: &Windows<'_>,
    begin: usize,
    count: usize,
    width: usize,
    notation: &Notation,
) -> Result<Vec<Piece>, Fault> {
    let mut cuts = vec![begin];
    for number in 1..count {
        let cut = text.line_end(begin + (text.len() - begin) / count * number)?;
        cuts.extend(cut.filter(|cut| Some(cut) > cuts.last()));
    }
    cuts.push(text.len());
    let spans: Vec<Range<usize>> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
    let read = map(spans.clone(), |span| read_piece(text, span, width, notation));
    let (mut pieces, mut at) = (Vec::new(), begin);
    for (piece, span) in read.into_iter().zip(spans) {
        let piece = if span.start == at { piece? } else { read_piece(text, at..span.end, width, notation)? };
        at = piece.span.end;
        pieces.push(piece);
    }
    Ok(pieces)
}

/// Reads the records of `width` values that begin in `span`.
fn read_piece(
    text: &Windows<'_>,
    span: Range<usize>,
    width: usize,
    notation: &Notation,
) -> Result<Piece, Fault> {
    let mut columns: Vec<Column> = (0..width).map(|_| Column::default()).collect();
    let (mut rows, mut at) = (0, span.start);
    let line_ends = text.visit(span.clone(), |window, records, end| {
        while records.find(end) {
            let begin = window + records.at();
            if rows == SAMPLE {
                // A sixteenth more, since one row too few is a copy of all.
                let share = (begin - span.start) as f64 / span.len() as f64;
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
            if values < width || !ended {
                return Err(Fault::Ragged(begin));
            }
            rows += 1;
        }
        at = window + records.at();
        Ok(true)
    })?;
    Ok(Piece { span: span.start..at, rows, line_ends, columns })
}

/// The parts of each column, all of the type that holds them all.
pub(super) fn join(
    text: &Windows<'_>,
    mut pieces: Vec<Piece>,
    notation: &Notation,
) -> Result<Vec<Vec<Column>>, Fault> {
    let width = pieces.first().map_or(0, |piece| piece.columns.len());
    for number in 0..width {
        let kinds = pieces.iter().map(|piece| piece.columns[number].kind());
        let kind = kinds.fold(Kind::Nothing, Kind::and);
        pieces.iter_mut().for_each(|piece| piece.columns[number].become_kind(kind));
    }
    let mut columns: Vec<Vec<Column>> = (0..width).map(|_| Vec::new()).collect();
    for piece in map(pieces, |piece| reread(text, piece, notation)) {
        columns.iter_mut().zip(piece?.columns).for_each(|(parts, part)| parts.push(part));
    }
    Ok(columns)
}

/// A column that turned out to be text after its first values looked like numbers needs those as they were
/// written (007 is not 7), so the beginning is read again for it.
fn reread(text: &Windows<'_>, mut piece: Piece, notation: &Notation) -> Result<Piece, Fault> {
    let rows = piece.columns.iter().map(Column::unread).max().unwrap_or(0);
    if rows > 0 {
        let mut row = 0;
        text.visit(piece.span.clone(), |_, records, end| {
            while row < rows && records.find(end) {
                for column in &mut piece.columns {
                    column.read_again(row, records.value().0, notation);
                }
                row += 1;
            }
            Ok(row < rows)
        })?;
    }
    Ok(piece)
}
