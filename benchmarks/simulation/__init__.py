"""A load model of the service: exams that arrive, replicas that work on them, an autoscaler that counts them."""
