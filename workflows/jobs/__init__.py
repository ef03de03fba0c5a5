"""Running jobflow jobs: order, records, log, and a runner that resumes."""
