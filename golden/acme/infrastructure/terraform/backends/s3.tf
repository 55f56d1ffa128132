# State in a bucket, with a lock, for more than one person. As local/terraform/backend_override.tf of the state
# folder it takes the place of backend.tf; backend.tfbackend beside it names bucket, key and region. docs/operations.md has
# the commands, also for a state that is a file already. The bucket is made by hand, outside of this state,
# with versioning on; it is never the one that holds the uploads.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
