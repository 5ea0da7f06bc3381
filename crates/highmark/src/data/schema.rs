//! Which columns are continuous and which categorical, when the user does not say.

use arrow_array::Array;
use arrow_schema::DataType;

use super::Table;
use super::factors::Factors;

/// Splits the columns into continuous and categorical ones, in this order, by fastai's rule; `targets` are left
/// out of both.
///
/// Float columns are continuous, integer columns are when they have more than `max_card` distinct values
/// (usually 20), everything else is categorical. An integer column with missing values counts as a float
/// column, because that is what pandas makes of it.
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
                array.null_count() > 0 || many(array.len().min(1000)) || many(array.len())
            }
            _ => false,
        };
        if continuous { cont.push(name.clone()) } else { cat.push(name.clone()) }
    }
    (cont, cat)
}
