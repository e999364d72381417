"""A Plan becomes a notebook, and a notebook becomes a Plan again."""
