"""What tells of calls while they are worked on: request ids and traces. Never anything of a patient."""
