"""Pictures that know what they show: a random record, its rendering, and captions that say what is in the record.

`records` holds the value types, `scenes` draws random records, `canvas` renders them, `captions` words them and
`holdout` keeps some combinations away from all training.
"""
