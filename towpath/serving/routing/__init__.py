"""Routes in a worker: a file is followed, bundles are loaded beside the answers, one pointer is swapped."""
