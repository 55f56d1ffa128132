# Plans one case, whose values come from its own file, without asking AWS.

mock_provider "aws" {
  source          = "./mocks"
  override_during = plan
}

run "planned" {
  command = plan
}
