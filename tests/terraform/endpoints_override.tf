# Turns the module's provider to moto, which answers as AWS does; nothing else of the module is changed.

provider "aws" {
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  endpoints {
    budgets        = "http://127.0.0.1:5000"
    cloudwatch     = "http://127.0.0.1:5000"
    cloudwatchlogs = "http://127.0.0.1:5000"
    ec2            = "http://127.0.0.1:5000"
    iam            = "http://127.0.0.1:5000"
    rds            = "http://127.0.0.1:5000"
    route53        = "http://127.0.0.1:5000"
    s3             = "http://127.0.0.1:5000"
    sns            = "http://127.0.0.1:5000"
    sts            = "http://127.0.0.1:5000"
  }
}
