"""`python -m serving.batch`: the command `glioserve synthesize`, for a container."""

from serving.batch.cli import main

if __name__ == "__main__":
    main()
