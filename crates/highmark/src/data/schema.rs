//! Which columns are continuous and which categorical, when the user does not say.

use arrow_array::Array;
use arrow_schema::DataType;

use super::Table;
use super::factors::Factors;

/// Splits the columns into continuous and categorical ones, in this order, by fastai's rule; `targets` are left
/// out of both.
///
/// Float columns are continuous, integer columns are when they have more than `max_card` distinct values
/// (usually 20), everything else is categorical. A missing value is none of the distinct ones, but makes a float
/// column of one of integers when a CSV file is read, as it does in pandas.
///
/// ```
/// use std::path::Path;
/// use highmark::{CsvOptions, cont_cat_split, read_csv_from};
///
/// let text = "age,height,city,y\n39,1.8,Oslo,1\n50,1.7,Bergen,0\n";
/// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
/// assert_eq!(cont_cat_split(&table, 1, &["y"]), (vec!["age".into(), "height".into()], vec!["city".into()]));
/// assert_eq!(cont_cat_split(&table, 2, &["y"]), (vec!["height".into()], vec!["age".into(), "city".into()]));
/// # Ok::<(), highmark::Error>(())
/// ```
pub fn cont_cat_split(table: &Table, max_card: usize, targets: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut cont, mut cat) = (Vec::new(), Vec::new());
    for (name, array) in table.columns() {
        if targets.contains(&name.as_str()) {
            continue;
        }
        let continuous = match array.data_type() {
            DataType::Float32 | DataType::Float64 | DataType::Null => true,
            integer if integer.is_integer() => {
                let many = |rows: usize| {
                    let array = array.slice(0, rows);
                    Factors::of(name, &array).is_ok_and(|factors| factors.levels.len() > max_card)
                };
                // The first rows tell it of most columns.
                many(array.len().min(1000)) || many(array.len())
            }
            _ => false,
        };
        if continuous { cont.push(name.clone()) } else { cat.push(name.clone()) }
    }
    (cont, cat)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;
    use crate::{CsvOptions, read_csv_from};

    #[test]
    fn missing_values_make_quantities_of_the_integers_of_csv_alone() {
        let values = (0..60).map(|row| Some(row % 7).filter(|_| row != 5));
        let weekday: ArrayRef = Arc::new(values.clone().collect::<Int64Array>());
        let typed = Table::new(vec![("weekday".into(), weekday)]).unwrap();
        let lines: String =
            values.map(|value| value.map_or(",1\n".into(), |value| format!("{value},1\n"))).collect();
        let text = format!("weekday,x\n{lines}");
        let read = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
        let is_quantity =
            |table: &Table, max_card| cont_cat_split(table, max_card, &[]).0.contains(&"weekday".into());
        assert_eq!(
            (is_quantity(&typed, 20), is_quantity(&typed, 6), is_quantity(&read, 20)),
            (false, true, true)
        );
    }
}
