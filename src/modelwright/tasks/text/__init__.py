"""What text tasks share: readers that turn text into n-grams, words or a checkpoint's tokens; one file is one reader."""
