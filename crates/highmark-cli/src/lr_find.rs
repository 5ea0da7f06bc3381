//! `highmark lr-find`.

use std::path::Path;

use highmark::{LrFind, LrFindConfig, Suggestion};
use serde_json::json;

use crate::args::LrFindArgs;
use crate::config::Config;
use crate::experiment::Experiment;
use crate::failure::Result;
use crate::notice;
use crate::result_file::ResultFile;
use crate::screen::{self, Screen};
use crate::text_table::text_table;

/// Runs the range test, draws it and prints the suggestions.
pub(crate) fn run(args: &LrFindArgs) -> Result<()> {
    screen::refuse_stdout("plot", &args.plot, "a picture")?;
    let config = Config::of_lr_find(args)?;
    let plot = ResultFile { path: &args.plot, option: "--plot", what: "the picture" };
    // One of an earlier time is made again from the same data; whoever wants to keep it has given it a name.
    let replace = args.overwrite || LrFind::has_drawn(&args.plot);
    let made_from = [Some(&args.data), Some(&config.data), config.valid_file.as_ref()];
    let made_from: Vec<&Path> = made_from.into_iter().flatten().map(Path::new).collect();
    plot.refuse_existing(replace, &made_from)?;
    let screen = Screen::new(args.quiet, args.json);
    let stop = notice::watch(&args.deadline)?;
    let mut experiment = Experiment::prepare(config, stop.clone())?;
    let lines = experiment.lines()?;
    // The rest is about a training that does not take place.
    lines.iter().take_while(|line| !line.starts_with("model ")).for_each(|line| screen.say(line));
    experiment.learner.trainer_mut().console = screen.console();
    let found = experiment.learner.lr_find(&LrFindConfig::default())?;
    plot.write(&stop, |path| found.plot(path))?;
    if args.json {
        let mut value = json!({ "plot": args.plot });
        for (name, suggestion, _) in suggestions(&found) {
            value[name] = json!(suggestion.map(|suggestion| suggestion.lr));
        }
        return screen::print_json(&value);
    }
    if args.quiet {
        return Ok(());
    }
    let row = |(name, suggestion, what): (&str, Option<Suggestion>, &str)| {
        let lr = suggestion.map_or("none".into(), |suggestion| format!("{:.2e}", suggestion.lr));
        vec![name.to_string(), lr, what.to_string()]
    };
    let rows: Vec<_> = suggestions(&found).into_iter().map(row).collect();
    let table = text_table(&["suggestion", "lr", "where"], &rows);
    screen::print(&format!(
        "\n{table}\nThe curve is in {}. Train with --lr and one of these.\n",
        args.plot.display()
    ))
}

fn suggestions(found: &LrFind) -> [(&'static str, Option<Suggestion>, &'static str); 4] {
    [
        ("valley", found.valley(), "two thirds down the longest fall of the loss"),
        ("slide", found.slide(), "before the loss turns"),
        ("minimum", found.minimum(), "a tenth of the rate at the lowest loss"),
        ("steep", found.steep(), "where the loss falls fastest"),
    ]
}
