"""What several tasks share in their answers: labels, numbers. One file per kind of answer."""
