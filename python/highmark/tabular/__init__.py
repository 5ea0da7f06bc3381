"""fastai's tabular names over highmark."""
