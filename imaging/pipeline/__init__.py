"""One exam through the networks: plain Python over arrays, with an inference interface of one method."""
