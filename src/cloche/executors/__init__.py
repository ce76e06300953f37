"""Where executions run: one room a back-end, strangers to each other."""
