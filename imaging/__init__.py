"""What an exam is: volumes, geometry, labels, preprocessing, the pipeline, metrics. Never torch, never grpc."""
