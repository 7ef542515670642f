"""What `retention check` looks at: params.yaml, the first rows of the files, and what they say."""
