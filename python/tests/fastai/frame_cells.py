# What fastai's documentation of tabular data shows of DataFrames, and some harder ones, run under both packages with only this
# import changed. `note` is given; it keeps what is to be compared.
from fastai.tabular.all import *


def plain(frame):
    """Columns, types and values of a DataFrame, as text where JSON has no number."""
    return [
        {name: str(dtype) for name, dtype in frame.dtypes.items()},
        [str(label) for label in frame.index],
        [[str(value) for value in row] for row in frame.itertuples(index=False)],
    ]


# Dates.
df = pd.DataFrame({"date": ["2019-12-04", "2019-11-29", "2019-11-15", "2019-10-24"]})
note("make_date", [make_date(df, "date") is None, plain(df)])
df = pd.DataFrame({"when": pd.to_datetime(["2019-12-04", None]).tz_localize("Europe/Oslo")})
make_date(df, "when")
note("make_date of a zone", plain(df))
df = pd.DataFrame({"date": ["2019-12-04", None, "2019-11-15", "2019-10-24"]})
df = add_datepart(df, "date")
test_eq(df[df.Elapsed.isna()].shape, (1, 13))
test_eq(df["Year"].dtype, df["Week"].dtype)
note("add_datepart", plain(df.drop(columns="Elapsed")))
df = pd.DataFrame({"f1": [1.0], "f2": [2.0], "date": ["2019-12-04"]})
df = add_datepart(df, "date", time=True, drop=False, prefix="")
test_eq(df.columns[:4], ["f1", "f2", "date", "Year"])
note("add_datepart with the time", list(df.columns))

# Events.
df = pd.DataFrame(
    {
        "date": ["2019-12-04", "2019-11-29", "2019-11-15", "2019-10-24"],
        "event": [False, True, False, True],
        "base": [1, 1, 2, 2],
    }
)
df = add_elapsed_times(df, ["event"], "date", "base")
note("add_elapsed_times", plain(df))
draw = np.random.default_rng(4)
days = [draw.permutation(60)[:25] for _ in range(3)]
df = pd.DataFrame(
    {
        "shop": np.repeat(["b", "a", "c"], 25),
        "when": pd.Timestamp("2020-02-01") + pd.to_timedelta(np.concatenate(days) * 26, unit="h"),
        "sale": draw.integers(0, 5, 75) == 0,
        "closed": draw.integers(0, 4, 75) // 3,
        "other": draw.integers(0, 9, 75),
    },
    index=draw.permutation(75),
)
df.loc[df.index[70], "when"] = pd.NaT
out = add_elapsed_times(df, ["sale", "closed"], "when", "shop")
note("add_elapsed_times of shops", plain(out))
note("the DataFrame itself", plain(df))
note("one event", list(add_elapsed_times(df, "sale", "when", "shop").columns))

# Smaller types.
df = pd.DataFrame(
    {
        "i": [-100, 0, 100],
        "f": [-100.0, 0.0, 100.0],
        "u": [0, 10, 254],
        "e": [True, False, True],
        "date": ["2019-12-04", "2019-11-29", "2019-11-15"],
        "large": [1, 2, 2**40],
        "huge": [1.0, float("nan"), 1e200],
        "missing": [float("nan")] * 3,
        "infinite": [1.0, 2.0, float("inf")],
        "days": pd.to_datetime(["2019-12-04", None, "2019-11-15"]),
        "nullable": pd.array([1, None, 3], dtype="Int64"),
        "kinds": pd.Categorical(["a", "b", "a"]),
        "small": np.array([1, 2, 3], dtype="int8"),
        "unsigned": np.array([1, 2, 70000], dtype="uint64"),
        "mixed": ["a", 1, None],
    }
)
for name, options in {
    "as it is": {},
    "without text": {"obj2cat": False},
    "without signs": {"int2uint": True},
    "but these": {"skip": ["i", "date"]},
}.items():
    note(f"df_shrink_dtypes {name}", {key: str(dtype) for key, dtype in df_shrink_dtypes(df, **options).items()})
    note(f"df_shrink {name}", plain(df_shrink(df, **options)))
test_eq(df["i"].dtype, "int64")
dt = df_shrink_dtypes(df)
test_eq(dt["i"], "int8")
test_eq("date" not in df_shrink_dtypes(df, obj2cat=False), True)
note("no rows", {key: str(dtype) for key, dtype in df_shrink_dtypes(df.iloc[:0]).items()})
df = pd.read_csv(untar_data(URLs.ADULT_SAMPLE) / "adult.csv")
note("adult", {key: str(dtype) for key, dtype in df_shrink(df, int2uint=True).dtypes.items()})
