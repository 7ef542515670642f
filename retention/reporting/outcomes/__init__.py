"""The outcomes page: what contact changed, as HTML with its charts inside, and as CSV."""
