"""What the paper and its authors' code print, in their spelling, and where they cannot be right.

Tables 2 and 3 are tables 1 and 2 of the first version (arXiv:2401.00448v1).
"""

SIZES = ("1B", "7B", "13B", "30B", "70B")
TOKENS = ("50B", "200B", "1T", "5T", "10T")
"""The tokens served, of each row of tables 2 and 3; a request has 285 of them."""

TABLE_2 = {
    "loss": ("2.53", "2.13", "2.05", "1.96", "1.89"),
    "baseline_tokens": ("27.4B", "276B", "577B", "1.56T", "4.26T"),
    "baseline_total": ("2.64e20", "1.44e22", "7.10e22", "5.80e23", "3.19e24"),
    "params": ("6.33M", "5.4B", "8.32B", "16.4B", "41.6B"),
    "tokens": ("46.8B", "367B", "967B", "3.27T", "7.92T"),
    "total": ("2.41e20", "1.40e22", "6.49e22", "4.86e23", "2.81e24"),
    "saving": ("9.1%", "2.6%", "8.5%", "16%", "12%"),
}
TABLE_3 = {
    "requests": ("175M", "702M", "3.51B", "17.5B", "35.1B"),
    "baseline_total": ("$3.77K", "$124K", "$987K", "$10.8M", "$51.5M"),
    "params": ("327M", "2.90B", "430B", "8.58B", "21.5B"),
    "tokens": ("152B", "929B", "3.1T", "12.1T", "27T"),
    "total": ("$1.89K", "$81.8K", "$500K", "$4.52M", "$23.8M"),
    "saving": ("50%", "34%", "49%", "58%", "54%"),
}
MISPRINTS = {
    ("table2", "1B", "params"): "6.33M is a slip for 633M",
    ("table2", "1B", "baseline_total"): "2.64e20 where the law gives 2.6458e20",
    ("table2", "1B", "saving"): "9.1 % where the law gives 9.014 %",
    ("table2", "13B", "baseline_tokens"): "577B where the law gives 576.49B",
    ("table2", "30B", "tokens"): "3.27T where the law gives 3.26498T",
    ("table2", "70B", "baseline_tokens"): "4.26T where the law gives 4.2547T",
    ("table3", "13B", "params"): "430B is a slip for 4.30B",
    ("table3", "13B", "total"): "$500K where the law gives $500.9K",
}
"""By table, size of the compute-optimal model, and column."""

COEFFICIENTS = {
    "sardana2024_le100": {"alpha": "0.08", "beta": "0.13", "A": "7.199", "B": "25.97", "E": "0.17"},
    "sardana2024_le250": {"alpha": "0.13", "beta": "0.16", "A": "14.23", "B": "39.54", "E": "0.98"},
    "sardana2024_le500": {"alpha": "0.13", "beta": "0.16", "A": "17.07", "B": "35.80", "E": "0.95"},
    "sardana2024_all": {"alpha": "0.18", "beta": "0.24", "A": "33.66", "B": "138.9", "E": "1.45"},
}
"""Table 1."""
