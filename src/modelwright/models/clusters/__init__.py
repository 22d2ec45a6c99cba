"""Clustering of table rows: models that are fitted without answers. Each gives "logits" [b, clusters], the last of which may stand
for rows that belong to none."""
