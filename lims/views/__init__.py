"""The pages of the record: slides, cases, accession, batches, and the audit chain."""
