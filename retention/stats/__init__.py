"""Pure statistics: arrays and frames in, estimates out; only numpy, pandas, scipy, lifelines."""
