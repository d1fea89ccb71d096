"""What the harness costs, and how often it cries wolf: each figure in the documentation comes from here."""
