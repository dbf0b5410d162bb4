"""Whether synthetic slices are copies of training slices: the nearest one of each, judged by how near patients come."""
