"""
The machinery below the test cases.

It makes a test's next line run only at rest, keeps everything in one
transaction, and knows nothing of test cases.
"""
