# Logs, alarms and the budget.

mock_provider "aws" {
  source          = "./mocks"
  override_during = plan
}

variables {
  slug           = "harbour"
  environment    = "production"
  region         = "eu-west-1"
  domain         = "files.harbour.example"
  bucket_name    = "harbour-stuf-uploads"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
}

run "watched" {
  command = plan

  variables {
    existing_subnet_id = ""
    database           = true
    logs               = true
    log_retention_days = 30
    alarm_email        = "ta@harbour.example"
    budget_monthly_usd = 150
  }

  assert {
    condition     = aws_flow_log.connections[0].vpc_id == aws_vpc.own[0].id && aws_flow_log.connections[0].traffic_type == "ALL" && aws_flow_log.connections[0].log_destination == aws_cloudwatch_log_group.connections[0].arn
    error_message = "Connections of the own network are logged, also those refused."
  }

  assert {
    condition     = aws_cloudwatch_log_group.connections[0].retention_in_days == 30
    error_message = "Logs are kept as long as asked for."
  }

  assert {
    condition = jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }]
    error_message = "The logging service acts for this account only."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.flow_logs[0].policy).Statement == [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:some-group:*"
    }]
    error_message = "The logging service writes to this one log."
  }

  assert {
    condition     = aws_sns_topic_subscription.alarms[0].protocol == "email" && aws_sns_topic_subscription.alarms[0].endpoint == "ta@harbour.example" && aws_sns_topic_subscription.alarms[0].topic_arn == aws_sns_topic.alarms[0].arn
    error_message = "Alarms go to the given address."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.server_unreachable[0].metric_name == "StatusCheckFailed" && aws_cloudwatch_metric_alarm.server_unreachable[0].dimensions == tomap({ InstanceId = aws_instance.server.id })
    error_message = "A server that fails AWS's checks is told."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.server_unreachable[0].treat_missing_data == "breaching"
    error_message = "A server that says nothing is told too."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.server_busy[0].metric_name == "CPUUtilization" && aws_cloudwatch_metric_alarm.server_busy[0].threshold == 90
    error_message = "A server that is busy for long is told."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.database_full[0].metric_name == "FreeStorageSpace" && aws_cloudwatch_metric_alarm.database_full[0].threshold == 2147483648
    error_message = "A database that fills up is told."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.server_unreachable[0], aws_cloudwatch_metric_alarm.server_busy[0], aws_cloudwatch_metric_alarm.database_full[0]] :
      alarm.alarm_actions == toset([aws_sns_topic.alarms[0].arn]) && alarm.ok_actions == toset([aws_sns_topic.alarms[0].arn])
    ])
    error_message = "Each alarm is told when it comes and when it goes."
  }

  assert {
    condition     = aws_budgets_budget.monthly[0].limit_amount == "150" && aws_budgets_budget.monthly[0].time_unit == "MONTHLY"
    error_message = "The budget is the one asked for."
  }

  assert {
    condition = toset([for notification in aws_budgets_budget.monthly[0].notification : "${notification.notification_type} ${notification.threshold} ${join(",", notification.subscriber_email_addresses)}"]) == toset([
      "ACTUAL 80 ta@harbour.example",
      "FORECASTED 100 ta@harbour.example",
    ])
    error_message = "The budget tells what is spent and what will be."
  }
}

run "unwatched" {
  command = plan

  variables {
    logs               = false
    alarm_email        = ""
    budget_monthly_usd = 0
  }

  assert {
    condition     = length(aws_flow_log.connections) + length(aws_cloudwatch_log_group.connections) + length(aws_cloudwatch_log_group.database) + length(aws_sns_topic.alarms) + length(aws_cloudwatch_metric_alarm.server_unreachable) + length(aws_budgets_budget.monthly) == 0
    error_message = "Nothing is logged, told or counted unless asked for."
  }
}
